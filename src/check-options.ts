import { isIP } from "node:net";
import { Reader } from "mmdb-lib";
import { checkSite, type SiteCheck } from "./check-site.ts";
import type { AnalyticsOptions, GeoOptions, Hooks, IdentityOptions, PrivacyOptions, RateLimitOptions, ReplayOptions, WebhookOptions } from "./options.ts";
import type { IntentOptions } from "./intent/score.ts";
import { callable, checkFields, fail, fields, flag, having, listOf, number, oneOf, type Rule, type Rules, text, whole } from "./rule.ts";
import type { Site } from "./site.ts";
import { toAllowed } from "./webhooks/address.ts";

const TRACKER_PATH = /^(\/[\w.-]{1,64}){1,4}$/;
const TAKEN_PATHS = /^\/(telemetry|visitors|events|replays|health|openapi\.json|replay\.js)(\/|$)|\/\.\.?(\/|$)/;
const DRIVER = ["getItem", "removeItem", "getKeys"];
const EVENT_STORE = ["append", "report", "timeline", "erase", "read", "close"];

const mmdb: Rule = (value, path) => {
  if (!(value instanceof Uint8Array)) fail(path, "must be the bytes of an MMDB file");
  try {
    void new Reader(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  } catch {
    fail(path, "must be the bytes of an MMDB file; these are not");
  }
};

const headerName: Rule = (value, path) => {
  if (typeof value !== "string" || !/^[A-Za-z0-9-]+$/.test(value)) fail(path, "must be a header's name");
};

const networks: Rule = (value, path) => {
  if (typeof value === "boolean") return;
  listOf(text, "CIDR ranges, or true or false")(value, path);
  for (const [index, range] of (value as string[]).entries()) {
    try {
      toAllowed([range]);
    } catch (error) {
      fail(`${path}[${index}]`, `must be one: ${(error as Error).message}`);
    }
  }
};

const proxies: Rule = (value, path) => {
  if (typeof value === "number") return whole(0, 100)(value, path);
  if (!Array.isArray(value)) fail(path, "must be a number of proxies or a list of CIDR ranges");
  for (const [index, range] of value.entries()) {
    const [address = "", bits, ...rest] = String(range).split("/");
    const version = isIP(address);
    const width = bits === undefined ? 0 : Number(bits);
    if (!version || rest.length > 0 || !Number.isInteger(width) || width < 0 || width > (version === 4 ? 32 : 128)) {
      fail(`${path}[${index}]`, `is "${range}"; it must be an address or a CIDR range like 10.0.0.0/8`);
    }
  }
};

const trackerPath: Rule = (value, path) => {
  if (typeof value !== "string" || !TRACKER_PATH.test(value)) fail(path, 'must be a path below the mount like "/app.js"');
  if (TAKEN_PATHS.test(value)) fail(path, `is "${value}", which the library needs itself`);
};

const logger: Rule = (value, path) => {
  if (value === false) return;
  for (const level of ["debug", "info", "warn", "error"]) {
    if (typeof (value as Record<string, unknown> | null)?.[level] !== "function") fail(`${path}.${level}`, "must be a function; console fits as a logger, and false silences it");
  }
};

const clock: Rule = (value, path) => {
  if (typeof value !== "function") fail(path, "must be a function that returns epoch milliseconds");
  if (!Number.isFinite(value())) fail(path, "must return epoch milliseconds; it returned something else");
};

const storage: Rule = (value, path) => {
  const rule = "must be an unstorage driver like fsDriver({ base }), or a Storage";
  having(DRIVER, rule)(value, path);
  const { setItem, setItemRaw } = value as { setItem?: unknown; setItemRaw?: unknown };
  if (typeof (setItemRaw ?? setItem) !== "function") fail(path, `${rule}; this one cannot write`);
};

const replaySettings = fields<ReplayOptions>({
  budgetBytes: number(1_000_000, 1e15),
  retentionDays: number(1, 365),
  sessionsPerVisitor: number(1, 1_000),
});

const OPTIONS: Rules<AnalyticsOptions> = {
  sites(value, path) {
    if (typeof value !== "function" && !Array.isArray(value)) fail(path, "must be a list of sites or a function that looks one up");
  },
  storage,
  events: having(EVENT_STORE, `must be an EventStore, with ${EVENT_STORE.join(", ")}`),
  intent: fields<IntentOptions>({ high: number(1, 100), medium: number(1, 100) }),
  identity: fields<IdentityOptions>({ sessionTimeoutMinutes: number(1, 1_440) }),
  privacy: fields<PrivacyOptions>({ gpc: oneOf("count", "drop", "ignore"), keepQuery: listOf(text, "texts") }),
  geo: fields<GeoOptions>({ header: headerName, mmdb }),
  replay: (value, path) => typeof value === "boolean" || replaySettings(value, path),
  bots: oneOf("exclude", "count"),
  trustProxy: proxies,
  trackerPath,
  rateLimit: fields<RateLimitOptions>({
    limiter: having(["consume"], "must have a consume(key, …) function, like those of rate-limiter-flexible"),
    perNetwork: number(1, 1_000_000),
  }),
  retention: fields<NonNullable<AnalyticsOptions["retention"]>>({ days: number(1, 3_650) }),
  durability: oneOf("committed"),
  webhooks: fields<WebhookOptions>({
    transport: callable,
    allowPrivateNetwork: networks,
    allowInsecure: flag,
    lookup: callable,
    request: callable,
  }),
  hooks: fields<Hooks>({ dropped: callable, storageFailed: callable, webhookFailed: callable, webhookDisabled: callable }),
  logger,
  now: clock,
};

/**
 * Checks everything that `createAnalytics` was given, at once and in words the owner can act on: throws a TypeError
 * that begins with the option's path. Answers what is allowed but unwise.
 */
export function checkOptions(options: AnalyticsOptions): string[] {
  if (typeof options !== "object" || options === null) fail("options", "is missing; createAnalytics needs at least { sites }");
  checkFields<AnalyticsOptions>(options, "", OPTIONS);
  const { sites, intent, webhooks } = options;
  if (sites === undefined) fail("sites", "is missing; give a list of sites or a function that looks one up");
  if ((intent?.medium ?? 40) >= (intent?.high ?? 70)) fail("intent.medium", "must be below intent.high");
  const warnings: string[] = [];
  if (typeof sites !== "function") checkSites(sites, { webhooks, warnings });
  return warnings;
}

function checkSites(sites: Site[], check: SiteCheck): void {
  const ids = new Set<string>();
  for (const [index, site] of sites.entries()) {
    checkSite(site, `sites[${index}]`, check);
    if (ids.has(site.id)) fail(`sites[${index}].id`, `is "${site.id}" a second time; ids must differ`);
    ids.add(site.id);
  }
}
