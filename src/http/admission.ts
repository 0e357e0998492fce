import type { Clock } from "../clock.ts";
import { AnalyticsError } from "../errors.ts";
import { CLIENT_ID } from "../ids.ts";
import type { FixedWindow } from "../rate-limit/fixed-window.ts";
import type { RateLimiter } from "../rate-limit/limiter.ts";
import type { Site, Sites } from "../site.ts";
import { createKeyCheck, presentedKey } from "./auth.ts";
import type { BodyReader } from "./body.ts";
import type { Call, SiteCall } from "./call.ts";
import type { ClientIp } from "./client-ip.ts";
import { networkOf } from "./client-ip.ts";
import { admitOrigin } from "./cors.ts";
import { createQuota } from "./quota.ts";
import type { KeyedRoute } from "./route.ts";

export interface AdmissionParts {
  sites: Sites;
  limiter: RateLimiter;
  /** Wrong keys, and telemetry requests, per client network. */
  failures: FixedWindow;
  networks: FixedWindow;
  perNetwork?: number;
  clientIp: ClientIp;
  bodies: BodyReader;
  now: Clock;
}

/** Lets a call through to a route that needs a key, or throws the answer it gets instead. */
export type Admit = (call: Call, route: KeyedRoute) => Promise<SiteCall>;

/** The order of checks: body, key present, site named, site known, key right, key allowed, rate limit. */
export function createAdmission(parts: AdmissionParts): Admit {
  const { sites, bodies, clientIp, now } = parts;
  const keys = createKeyCheck({ failures: parts.failures, now });
  const quota = createQuota({ limiter: parts.limiter, networks: parts.networks, perNetwork: parts.perNetwork, now });

  return async (call, route) => {
    const body = route.maxBody === undefined ? {} : await bodies.read(call, route.maxBody, route.maxInflated);
    const key = presentedKey(call.header("x-api-key"), body["_apiKey"]);
    // not 'delete': it would turn the body into a slow object, and every field is still to be read
    body["_apiKey"] = undefined;
    const siteId = route.maxBody === undefined ? call.params["siteId"] : body["siteId"];
    const found = findSite(sites, siteId);
    const site = found instanceof Promise ? await found : found;
    const ip = clientIp(call);
    const network = ip === undefined ? undefined : networkOf(ip);
    const recognised = keys.recognise(site, key, network);
    const refusal = quota.count(call, site!, recognised, network);
    const late = refusal instanceof Promise ? await refusal : refusal;
    checkUse(call, site!, recognised.trust, route);
    if (late) throw late;
    if (recognised.trust === "write") dropForgeable(body);
    const idempotencyKey = call.header("idempotency-key");
    if (idempotencyKey !== undefined && body["eventId"] === undefined) body["eventId"] = unquote(idempotencyKey);
    return Object.assign(call, {
      site: site!,
      body,
      facts: { receivedAt: call.receivedAt, ip, header: call.header, trust: recognised.trust },
    });
  };
}

function findSite(sites: Sites, siteId: unknown): Site | undefined | Promise<Site | undefined> {
  if (siteId === undefined || siteId === null || siteId === "") {
    throw new AnalyticsError("VALIDATION_ERROR", "Missing required field: siteId");
  }
  if (typeof siteId !== "string") throw new AnalyticsError("VALIDATION_ERROR", "siteId must be a string");
  // what cannot be an id is not worth the owner's database
  return CLIENT_ID.test(siteId) ? sites.find(siteId) : undefined;
}

/** Whether this key may do this, from there. */
function checkUse(call: Call, site: Site, trust: "secret" | "write", route: KeyedRoute): void {
  if (trust === "secret") return;
  if (route.key === "secret") throw new AnalyticsError("FORBIDDEN", "This needs the site's secret key");
  admitOrigin(call, site);
}

/** What a server may say of its visitors, a page may not: those we see ourselves. */
function dropForgeable(body: Record<string, unknown>): void {
  if (body["ip"] !== undefined) body["ip"] = undefined;
  if (body["userAgent"] !== undefined) body["userAgent"] = undefined;
  const { items } = body;
  // copies: the items may be the host's own objects
  if (Array.isArray(items)) body["items"] = items.map(withoutForgeable);
}

function withoutForgeable(item: unknown): unknown {
  if (!(item instanceof Object) || !("ip" in item || "userAgent" in item)) return item;
  return { ...item, ip: undefined, userAgent: undefined };
}

/** The draft of `Idempotency-Key` has it as a quoted string. */
function unquote(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
