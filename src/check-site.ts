import { CLIENT_ID } from "./ids.ts";
import type { WebhookOptions } from "./options.ts";
import { checkFields, fail, flag, isObject, listOf, type Origin, type Rule, type Rules, text, whole } from "./rule.ts";
import { PLAN_LIMITS, type Site, WEBHOOK_EVENTS, type WebhookEndpoint } from "./site.ts";
import { checkEndpointUrl } from "./webhooks/address.ts";
import { checkWebhookSecret } from "./webhooks/secret.ts";

const SHORT_SECRET = 24;
const ORIGIN = /^https?:\/\/(\*\.)?[a-z0-9.-]+(:\d{1,5})?$/;
const SHA256_KEY = /^sha256:[0-9a-f]{64}$/i;

/** What a site is checked with, and where what is allowed but unwise is put. */
export interface SiteCheck {
  webhooks?: WebhookOptions;
  warnings: string[];
  /** @default "written" */
  origin?: Origin;
}

const SITE: Rules<Site> = {
  id(value, path) {
    if (typeof value !== "string" || !CLIENT_ID.test(value)) fail(path, "must be 1 to 128 characters of A-Z a-z 0-9 _ . : -");
  },
  name: text,
  apiKey: passed, // with the site's id, below
  writeKey: passed,
  plan(value, path) {
    if (typeof value === "number") whole(1, 10_000_000)(value, path);
    else if (typeof value !== "string" || !Object.hasOwn(PLAN_LIMITS, value)) fail(path, 'must be "free", "pro", "business" or requests per minute');
  },
  origins: listOf((value, path) => {
    if (typeof value !== "string" || !ORIGIN.test(value)) fail(path, "must be an origin like https://shop.example or https://*.shop.example");
  }, "origins like https://shop.example"),
  requireOrigin: flag,
  timeZone(value, path) {
    try {
      text(value, path);
      Intl.DateTimeFormat("en", { timeZone: value as string });
    } catch {
      fail(path, `is "${value}"; it must be an IANA time zone like Europe/Berlin`);
    }
  },
  webhooks: listOf((value, path) => {
    if (!isObject(value)) fail(path, "must be an object like { url, secret }");
  }, "objects like { url, secret }"),
};

const eventNames: Rule = (value, path) => {
  if (!Array.isArray(value) || value.length === 0) fail(path, `must be a list of ${WEBHOOK_EVENTS.join(", ")}; leave it out for all`);
  for (const name of value as unknown[]) {
    if (!WEBHOOK_EVENTS.includes(name as never)) fail(path, `has "${name}"; there are ${WEBHOOK_EVENTS.join(", ")}`);
  }
};

const ENDPOINT: Rules<WebhookEndpoint> = { url: text, secret: passed, events: eventNames, ordered: flag };

/** Throws a TypeError that begins with `path` when `site` is not one. */
export function checkSite(site: unknown, path: string, check: SiteCheck): asserts site is Site {
  const { warnings, origin } = check;
  if (!isObject(site)) fail(path, "must be an object like { id, apiKey }");
  if (site["id"] === undefined) fail(`${path}.id`, "is missing; give the siteId that requests name");
  checkFields<Site>(site, path, SITE, origin);
  const { id, apiKey, origins, ...rest } = site as unknown as Site;
  const writeKey = rest.writeKey ?? undefined;
  const webhooks = rest.webhooks ?? [];
  checkKeys(apiKey, `${path}.apiKey`, `give site '${id}' a key`, warnings);
  if (writeKey !== undefined) checkKeys(writeKey, `${path}.writeKey`, "leave it out or give a key", warnings);
  else if (origins?.length) warnings.push(`${path} has origins but no writeKey: browsers cannot send anything without one`);
  const [secrets, publics] = [[apiKey].flat(), [writeKey ?? []].flat()];
  if (publics.some((key) => secrets.includes(key))) fail(`${path}.writeKey`, "must differ from apiKey: it stands in every page's source");
  const urls = webhooks.map(({ url }) => url);
  if (new Set(urls).size < urls.length) warnings.push(`${path}.webhooks has one url twice: the second entry is not used`);
  for (const [index, endpoint] of webhooks.entries()) checkEndpoint(endpoint, `${path}.webhooks[${index}]`, check);
}

/** The site that a look-up of `siteId` answered, without a row's nulls. A wrong one must not be served, nor one for another. */
export function checkFound(site: unknown, siteId: string, webhooks?: WebhookOptions): Site {
  const path = `sites(${JSON.stringify(siteId)})`;
  checkSite(site, path, { webhooks, warnings: [], origin: "row" });
  if (site.id !== siteId) fail(`${path}.id`, `is "${site.id}"; answer undefined when there is no such site`);
  const given = Object.entries(site).filter(([, value]) => value !== null);
  return given.length < Object.keys(site).length ? (Object.fromEntries(given) as unknown as Site) : site;
}

function checkEndpoint(endpoint: WebhookEndpoint, path: string, { webhooks = {}, warnings, origin }: SiteCheck): void {
  if (endpoint.url === undefined) fail(`${path}.url`, "is missing; give the address to POST to");
  checkFields<WebhookEndpoint>(endpoint, path, ENDPOINT, origin);
  const target = checkEndpointUrl(endpoint.url, webhooks);
  if ("refused" in target) fail(`${path}.url`, target.refused);
  const checked = checkWebhookSecret(endpoint.secret);
  if ("refused" in checked) fail(`${path}.secret`, checked.refused);
  if (checked.warning) warnings.push(`${path}.secret ${checked.warning}`);
}

function checkKeys(keys: unknown, path: string, remedy: string, warnings: string[]): void {
  const list = [keys].flat();
  if (list.length === 0 || list.some((key) => typeof key !== "string" || key === "")) fail(path, `is missing; ${remedy}`);
  for (const key of list as string[]) {
    if (key.startsWith("sha256:") && !SHA256_KEY.test(key)) fail(path, 'must have 64 hex digits after "sha256:"');
    if (key.length < SHORT_SECRET) warnings.push(`${path} is shorter than ${SHORT_SECRET} characters: it can be guessed`);
  }
}

function passed(): void {}
