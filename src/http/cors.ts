import { FastResponse } from "srvx";
import { AnalyticsError } from "../errors.ts";
import type { Site, Sites } from "../site.ts";
import type { Call, HeaderPair } from "./call.ts";
import { NOSNIFF } from "./call.ts";

/** Seconds a browser may keep the answer to a preflight; Chromium takes no more. */
const PREFLIGHT_MAX_AGE = "7200";
const VARY_ORIGIN: HeaderPair = ["vary", "Origin"];
const EXPOSED: HeaderPair = [
  "access-control-expose-headers",
  "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, X-WysLeap-Dropped",
];

interface Origins {
  any: boolean;
  exact: Set<string>;
  /** `https://` and `.shop.example` of `https://*.shop.example`. */
  below: { scheme: string; suffix: string }[];
}

const compiled = new WeakMap<string[], Origins>();

function originsOf(list: string[]): Origins {
  let origins = compiled.get(list);
  if (origins) return origins;
  origins = { any: false, exact: new Set(), below: [] };
  for (const entry of list) {
    const text = entry.includes("://") ? entry.toLowerCase() : `https://${entry.toLowerCase()}`;
    const wildcard = /^([a-z][a-z0-9+.-]*:\/\/)\*(\.[^*]+?)\/?$/.exec(text);
    if (entry === "*") origins.any = true;
    else if (wildcard) origins.below.push({ scheme: wildcard[1]!, suffix: wildcard[2]! });
    else origins.exact.add(URL.canParse(text) ? new URL(text).origin : text);
  }
  compiled.set(list, origins);
  return origins;
}

const LABELS = /^[a-z0-9-]+(\.[a-z0-9-]+)*$/;

/**
 * Whether pages of `origin` may use the site's write key. Exactly as browsers write origins: scheme, host, port;
 * a wildcard matches whole labels. `null` (sandboxed frames, files) never.
 */
export function isOriginAllowed(site: Site, origin: string): boolean {
  if (origin === "null") return false;
  if (!site.origins) return true;
  const { any, exact, below } = originsOf(site.origins);
  if (any || exact.has(origin)) return true;
  return below.some(
    ({ scheme, suffix }) =>
      origin.startsWith(scheme) &&
      origin.endsWith(suffix) &&
      LABELS.test(origin.slice(scheme.length, origin.length - suffix.length)),
  );
}

/** Checks the `Origin` of a request with a write key; the browser may read every answer from here on. */
export function admitOrigin(call: Call, site: Site): void {
  call.headers.push(VARY_ORIGIN);
  const origin = call.header("origin");
  if (origin === undefined) {
    if (site.requireOrigin) throw new AnalyticsError("FORBIDDEN", "This key needs a request with an Origin");
    return;
  }
  if (!isOriginAllowed(site, origin)) throw new AnalyticsError("FORBIDDEN", "This origin may not use this key");
  call.headers.push(["access-control-allow-origin", origin], EXPOSED);
}

/**
 * Answers OPTIONS. A preflight names no key, so it is granted to every origin that some site would take;
 * the request itself is checked against its own site.
 */
export function answerOptions(call: Call, allow: string, cors: boolean, sites: Sites): Response {
  const headers: HeaderPair[] = [["allow", allow], NOSNIFF];
  const origin = call.header("origin");
  if (cors) headers.push(VARY_ORIGIN);
  if (cors && origin !== undefined && origin !== "null") {
    if (!sites.all || sites.all.some((site) => isOriginAllowed(site, origin))) {
      headers.push(
        ["access-control-allow-origin", origin],
        ["access-control-allow-methods", "POST"],
        ["access-control-allow-headers", "Content-Type, Content-Encoding, X-API-Key, Idempotency-Key"],
        ["access-control-max-age", PREFLIGHT_MAX_AGE],
      );
    }
  }
  return new FastResponse(null, { status: 204, headers });
}
