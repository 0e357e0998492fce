import type { Drop } from "../event.ts";
import type { Context, Placed } from "./stages.ts";
import { toUrl } from "./url.ts";

/** Whether a host name belongs to a site's `origins`. */
export type HostMatcher = (host: string) => boolean;

const WILDCARD = "*.";

/** `https://shop.example` is that host; `https://*.shop.example` is any host below it, not itself. */
export function createHostMatcher(origins: string[]): HostMatcher {
  const exact = new Set<string>();
  const below: string[] = [];
  for (const origin of origins) {
    const host = hostOf(origin);
    if (host.startsWith(WILDCARD)) below.push(host.slice(1));
    else if (host) exact.add(host);
  }
  return (host) => exact.has(host) || below.some((suffix) => host.length > suffix.length && host.endsWith(suffix));
}

/** The host of an origin; `*` is no host that `URL` takes, so it is cut out by hand. */
function hostOf(origin: string): string {
  const scheme = origin.indexOf("://");
  const rest = scheme === -1 ? origin : origin.slice(scheme + 3);
  const wild = rest.startsWith(WILDCARD);
  const parsed = toUrl(`http://${wild ? rest.slice(2) : rest}`);
  if (!parsed) return "";
  return wild ? `${WILDCARD}${parsed.hostname}` : parsed.hostname;
}

const matchers = new WeakMap<string[], HostMatcher>();

/** The matcher of a list of origins; made once a list. */
export function matcherOf(origins: string[]): HostMatcher {
  let matcher = matchers.get(origins);
  if (!matcher) {
    matcher = createHostMatcher(origins);
    matchers.set(origins, matcher);
  }
  return matcher;
}

/** A page of another host that uses this site's key is no visit to this site. */
export function checkHostname(hit: Placed, { site }: Context): Placed | Drop {
  if (!site.origins?.length || !hit.page || matcherOf(site.origins)(hit.page.host)) return hit;
  return { drop: "hostname" };
}
