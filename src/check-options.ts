import { isIP } from "node:net";
import type { AnalyticsOptions } from "./options.ts";
import { CLIENT_ID } from "./ids.ts";
import type { Site, SiteSource, WebhookEndpoint } from "./site.ts";
import { PLAN_LIMITS } from "./site.ts";
import { checkEndpointUrl } from "./webhooks/address.ts";
import { checkWebhookSecret } from "./webhooks/secret.ts";

const WEBHOOK_EVENTS = ["pageview", "event", "visitor_identified", "high_intent_visitor"];
const SHORT_SECRET = 24;
const ORIGIN = /^https?:\/\/(\*\.)?[a-z0-9.-]+(:\d{1,5})?$/;
const TRACKER_PATH = /^(\/[\w.-]{1,64}){1,4}$/;
const TAKEN_PATHS = /^\/(telemetry|visitors|events|replays|health|openapi\.json|replay\.js)(\/|$)|\/\.\.?(\/|$)/;
const SHA256_KEY = /^sha256:[0-9a-f]{64}$/i;

function fail(path: string, rule: string): never {
  throw new TypeError(`${path} ${rule}`);
}

/**
 * Checks everything that `createAnalytics` was given, at once and in words the owner can act on: throws a TypeError
 * that begins with the option's path. Answers what is allowed but unwise.
 */
export function checkOptions(options: AnalyticsOptions): string[] {
  if (typeof options !== "object" || options === null) fail("options", "is missing; createAnalytics needs at least { sites }");
  const warnings: string[] = [];
  if (options.sites === undefined) fail("sites", "is missing; give a list of sites or a function that looks one up");
  checkSites(options.sites, options, warnings);
  checkNumber("intent.high", options.intent?.high, 1, 100);
  checkNumber("intent.medium", options.intent?.medium, 1, 100);
  if ((options.intent?.medium ?? 40) >= (options.intent?.high ?? 70)) fail("intent.medium", "must be below intent.high");
  checkNumber("identity.sessionTimeoutMinutes", options.identity?.sessionTimeoutMinutes, 1, 1_440);
  checkOneOf("privacy.gpc", options.privacy?.gpc, ["count", "drop", "ignore"]);
  checkTexts("privacy.keepQuery", options.privacy?.keepQuery);
  checkOneOf("bots", options.bots, ["exclude", "count"]);
  checkOneOf("durability", options.durability, ["committed"]);
  checkNumber("retention.days", options.retention?.days, 1, 3_650);
  checkReplay(options.replay);
  checkTrackerPath(options.trackerPath);
  checkNumber("rateLimit.perNetwork", options.rateLimit?.perNetwork, 1, 1_000_000);
  if (options.rateLimit?.limiter && typeof options.rateLimit.limiter.consume !== "function") {
    fail("rateLimit.limiter", "must have a consume(key, …) function, like those of rate-limiter-flexible");
  }
  checkProxies(options.trustProxy);
  if (options.geo?.header !== undefined && !/^[A-Za-z0-9-]+$/.test(options.geo.header)) fail("geo.header", "must be a header's name");
  if (options.geo?.mmdb !== undefined && !(options.geo.mmdb instanceof Uint8Array)) fail("geo.mmdb", "must be the bytes of an MMDB file");
  if (options.now !== undefined && typeof options.now !== "function") fail("now", "must be a function that returns epoch milliseconds");
  if (options.logger) {
    for (const level of ["debug", "info", "warn", "error"] as const) {
      if (typeof options.logger[level] !== "function") fail(`logger.${level}`, "must be a function; console fits as a logger");
    }
  }
  return warnings;
}

function checkSites(sites: SiteSource, options: AnalyticsOptions, warnings: string[]): void {
  if (typeof sites === "function") return;
  if (!Array.isArray(sites)) fail("sites", "must be a list of sites or a function that looks one up");
  const ids = new Set<string>();
  for (const [index, site] of sites.entries()) {
    checkSite(site, `sites[${index}]`, options, warnings);
    if (ids.has(site.id)) fail(`sites[${index}].id`, `is "${site.id}" a second time; ids must differ`);
    ids.add(site.id);
  }
}

function checkSite(site: Site, path: string, options: AnalyticsOptions, warnings: string[]): void {
  if (typeof site !== "object" || site === null) fail(path, "must be an object like { id, apiKey }");
  if (typeof site.id !== "string" || !CLIENT_ID.test(site.id)) fail(`${path}.id`, "must be 1 to 128 characters of A-Z a-z 0-9 _ . : -");
  checkKeys(site.apiKey, `${path}.apiKey`, `give site '${site.id}' a key`, warnings);
  if (site.writeKey !== undefined) checkKeys(site.writeKey, `${path}.writeKey`, "leave it out or give a key", warnings);
  else if (site.origins?.length) warnings.push(`${path} has origins but no writeKey: browsers cannot send anything without one`);
  const [secrets, publics] = [[site.apiKey].flat(), [site.writeKey ?? []].flat()];
  if (publics.some((key) => secrets.includes(key))) fail(`${path}.writeKey`, "must differ from apiKey: it stands in every page's source");
  const { plan } = site;
  if (typeof plan === "number") checkNumber(`${path}.plan`, plan, 1, 10_000_000);
  else if (plan !== undefined && !Object.hasOwn(PLAN_LIMITS, plan)) fail(`${path}.plan`, 'must be "free", "pro", "business" or requests per minute');
  for (const [index, origin] of (site.origins ?? []).entries()) {
    if (!ORIGIN.test(origin)) fail(`${path}.origins[${index}]`, "must be an origin like https://shop.example or https://*.shop.example");
  }
  checkTimeZone(`${path}.timeZone`, site.timeZone);
  const urls = (site.webhooks ?? []).map(({ url }) => url);
  if (new Set(urls).size < urls.length) warnings.push(`${path}.webhooks has one url twice: the second entry is not used`);
  for (const [index, endpoint] of (site.webhooks ?? []).entries()) checkEndpoint(endpoint, `${path}.webhooks[${index}]`, options, warnings);
}

function checkKeys(keys: string | string[] | undefined, path: string, remedy: string, warnings: string[]): void {
  const list = [keys].flat();
  if (list.length === 0 || list.some((key) => typeof key !== "string" || key === "")) fail(path, `is missing; ${remedy}`);
  for (const key of list as string[]) {
    if (key.startsWith("sha256:") && !SHA256_KEY.test(key)) fail(path, 'must have 64 hex digits after "sha256:"');
    if (key.length < SHORT_SECRET) warnings.push(`${path} is shorter than ${SHORT_SECRET} characters: it can be guessed`);
  }
}

function checkEndpoint(endpoint: WebhookEndpoint, path: string, options: AnalyticsOptions, warnings: string[]): void {
  if (typeof endpoint !== "object" || endpoint === null) fail(path, "must be an object like { url, secret }");
  if (typeof endpoint.url !== "string") fail(`${path}.url`, "is missing; give the address to POST to");
  const { allowPrivateNetwork, allowInsecure } = options.webhooks ?? {};
  const target = checkEndpointUrl(endpoint.url, { allowPrivateNetwork, allowInsecure });
  if ("refused" in target) fail(`${path}.url`, target.refused);
  const secrets = [endpoint.secret ?? []].flat();
  if (secrets.length === 0) fail(`${path}.secret`, "is missing; make one with generateWebhookSecret() of wysleap/webhooks");
  for (const secret of secrets) {
    const checked = checkWebhookSecret(secret);
    if ("refused" in checked) fail(`${path}.secret`, checked.refused);
    if (checked.warning) warnings.push(`${path}.secret ${checked.warning}`);
  }
  for (const name of endpoint.events ?? []) {
    if (!WEBHOOK_EVENTS.includes(name)) fail(`${path}.events`, `has "${name}"; there are ${WEBHOOK_EVENTS.join(", ")}`);
  }
}

function checkTimeZone(path: string, timeZone: string | undefined): void {
  if (timeZone === undefined) return;
  try {
    Intl.DateTimeFormat("en", { timeZone });
  } catch {
    fail(path, `is "${timeZone}"; it must be an IANA time zone like Europe/Berlin`);
  }
}

function checkProxies(trustProxy: number | string[] | undefined): void {
  if (trustProxy === undefined) return;
  if (typeof trustProxy === "number") return checkNumber("trustProxy", trustProxy, 0, 100);
  if (!Array.isArray(trustProxy)) fail("trustProxy", "must be a number of proxies or a list of CIDR ranges");
  for (const [index, range] of trustProxy.entries()) {
    const [address = "", bits, ...rest] = String(range).split("/");
    const version = isIP(address);
    const width = bits === undefined ? 0 : Number(bits);
    if (!version || rest.length > 0 || !Number.isInteger(width) || width < 0 || width > (version === 4 ? 32 : 128)) {
      fail(`trustProxy[${index}]`, `is "${range}"; it must be an address or a CIDR range like 10.0.0.0/8`);
    }
  }
}

function checkTrackerPath(path: string | undefined): void {
  if (path === undefined) return;
  if (typeof path !== "string" || !TRACKER_PATH.test(path)) fail("trackerPath", 'must be a path below the mount like "/app.js"');
  if (TAKEN_PATHS.test(path)) fail("trackerPath", `is "${path}", which the library needs itself`);
}

function checkReplay(replay: AnalyticsOptions["replay"]): void {
  if (replay === undefined || typeof replay === "boolean") return;
  if (typeof replay !== "object" || replay === null) fail("replay", "must be true, false or an object like { budgetBytes }");
  checkNumber("replay.budgetBytes", replay.budgetBytes, 1_000_000, 1e15);
  checkNumber("replay.retentionDays", replay.retentionDays, 1, 365);
  checkNumber("replay.sessionsPerVisitor", replay.sessionsPerVisitor, 1, 1_000);
}

function checkNumber(path: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined) return;
  if (typeof value !== "number" || !Number.isFinite(value) || value < min || value > max) fail(path, `must be a number from ${min} to ${max}`);
}

function checkOneOf(path: string, value: string | undefined, allowed: string[]): void {
  if (value !== undefined && !allowed.includes(value)) fail(path, `must be one of ${allowed.join(", ")}`);
}

function checkTexts(path: string, value: string[] | undefined): void {
  if (value === undefined) return;
  if (!Array.isArray(value) || value.some((text) => typeof text !== "string")) fail(path, "must be a list of texts");
}
