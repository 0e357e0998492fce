import type { Campaign } from "../event.ts";
import { matcherOf } from "./hostname.ts";
import { createRecent } from "../recent.ts";
import type { Context, Labelled, Page, Placed } from "./stages.ts";
import { cutText } from "./text.ts";
import { toUrl } from "./url.ts";

const MAX_PAGES = 2_000;
const MAX_REFERRERS = 2_000;
/** Longer ones are parsed each time: two thousand of them would be megabytes. */
const MAX_REMEMBERED_CHARS = 512;
const MAX_CAMPAIGN = 100;
const EMAIL = "[email]";

/** A Map, since a query may name what every object has. */
const CAMPAIGN_FIELDS = new Map<string, keyof Campaign>([
  ["utm_source", "source"],
  ["utm_medium", "medium"],
  ["utm_campaign", "campaign"],
  ["utm_term", "term"],
  ["utm_content", "content"],
]);

/** Takes an address like `ann@example.com` (also `%40`) for what it is; `@ann` is a handle. */
function looksLikeEmail(text: string): boolean {
  const at = text.indexOf("@");
  if (at > 0) return text.indexOf(".", at) > at + 1;
  const encoded = text.indexOf("%40");
  return encoded > 0 && text.indexOf(".", encoded) > encoded + 3;
}

function hideEmails(path: string): string {
  if (!path.includes("@") && !path.includes("%40")) return path;
  return path
    .split("/")
    .map((segment) => (looksLikeEmail(segment) ? EMAIL : segment))
    .join("/");
}

/** A fragment that is a route, `#/cart` or `#!/cart`; the tracker sends one with `data-hash-routing` only. */
const HASH_ROUTE = /^#!?\/[^?#]*/;

/** A page's URL without user, e-mail addresses, any fragment but a route, and any query but `utm_*` and `keepQuery`. */
export function parsePage(raw: string, keepQuery: ReadonlySet<string>): Page | undefined {
  const url = toUrl(raw);
  if (!url) return undefined;
  const path = hideEmails(url.pathname);
  const route = hideEmails(HASH_ROUTE.exec(url.hash)?.[0] ?? "");
  const kept = new URLSearchParams();
  let campaign: Campaign | undefined;
  if (url.search) {
    for (const [name, value] of url.searchParams) {
      const field = CAMPAIGN_FIELDS.get(name);
      if (field === undefined && !name.startsWith("utm_") && !keepQuery.has(name)) continue;
      const shown = looksLikeEmail(value) ? EMAIL : value;
      kept.append(name, shown);
      if (field !== undefined && shown !== "") (campaign ??= {})[field] ??= cutText(shown, MAX_CAMPAIGN);
    }
  }
  const query = kept.toString();
  return { url: `${url.origin}${path}${query && `?${query}`}${route}`, path: path + route, host: url.hostname, campaign };
}

const WWW = "www.";
const withoutWww = (host: string) => (host.startsWith(WWW) ? host.slice(WWW.length) : host);

/** The host of a referrer without `www.`; undefined when it is no http(s) URL. */
export function parseReferrer(raw: string): string | undefined {
  const url = toUrl(raw);
  if (!url || !url.protocol.startsWith("http") || url.hostname === "") return undefined;
  return withoutWww(url.hostname);
}

/** The step: where the visitor is and came from; the last 2,000 URLs are remembered. */
export function createPageStep(options: { keepQuery?: string[] } = {}): (hit: Labelled, context: Context) => Placed {
  const keepQuery = new Set(options.keepQuery);
  const pages = createRecent<Page>(MAX_PAGES);
  const referrers = createRecent<string>(MAX_REFERRERS);

  function pageOf(raw: string): Page | undefined {
    const known = pages.get(raw);
    if (known) return known;
    const page = parsePage(raw, keepQuery);
    if (page && raw.length <= MAX_REMEMBERED_CHARS) pages.set(raw, page);
    return page;
  }

  function referrerOf(raw: string): string | undefined {
    const known = referrers.get(raw);
    if (known !== undefined) return known || undefined;
    const host = parseReferrer(raw);
    if (raw.length <= MAX_REMEMBERED_CHARS) referrers.set(raw, host ?? "");
    return host;
  }

  return (hit, { input, site }) => {
    const placed = hit as Placed;
    placed.page = input.pageUrl === undefined ? undefined : pageOf(input.pageUrl);
    placed.referrer = undefined;
    if (input.type !== "pageview" || !input.referrer) return placed;
    const host = referrerOf(input.referrer);
    if (host === undefined || (placed.page && host === withoutWww(placed.page.host))) return placed;
    if (site.origins?.length && (matcherOf(site.origins)(host) || matcherOf(site.origins)(WWW + host))) return placed;
    placed.referrer = host;
    return placed;
  };
}
