declare global {
  interface Navigator {
    globalPrivacyControl?: boolean;
  }
  interface Window {
    Temporal?: { Now: { timeZoneId(): string } };
  }
  /** Replaced when bundled: the script's own element; in the module an object with the same two fields. */
  const SCRIPT: { dataset: DOMStringMap; src: string };
  /** False in the script that every page loads: what few pages need comes with a second one, where they ask for it. */
  const FULL: boolean;
}

export const script = SCRIPT;

/**
 * The script tag's `data-*` attributes.
 * - `site-id`, or `?site=` in the script's address (some optimisers strip attributes); `key`: the site's write key
 * - `api`: where the library is mounted, e.g. `/api`, if not where the script came from
 * - `auto="false"`: pageviews only by `trackPageView()`; `track-clicks="false"`; `track-scroll="false"`
 * - `scroll-root="#main"`: what scrolls, if it is not the document
 * - `hash-routing`: what follows `#/` or `#!/` belongs to the path
 * - `keep-query="page,q"`: parameters that stay beside `utm_*`
 * - `domains="a.com,*.a.com"`: records nothing elsewhere; `exclude="/admin*,/preview"`: nothing on these paths
 * - `respect-dnt`: records nothing with Do Not Track
 * - `session-replay`: records sessions; `"on-intent"` only those that prove worth it; `replay-sample="0.1"`: a tenth of them
 */
export const tag = script.dataset;
export const siteId = FULL ? tag.siteId || /[?&]site=([^&]+)/.exec(script.src)?.[1] : tag.siteId;
/** Where telemetry goes: by default to the script's own address, which is the owner's choice and on no list of blocked ones. */
export const endpoint = FULL && tag.api ? tag.api + "/telemetry/batch" : script.src;
/** One of the script's other selves. */
export const load = (query: string, run: (loaded: any) => void) => {
  import(/* @vite-ignore */ /* webpackIgnore: true */ new URL(query, script.src) as never).then(run).catch(Boolean);
};

/** Global Privacy Control: no id, no signals. */
export const anonymous = FULL && navigator.globalPrivacyControl;

/** A list of patterns as one expression. Without a list: what is neither a path nor a likely parameter. */
export const anyOf = (list: string | undefined) => `(${list})`.replace(/\*/g, ".*").replace(/,/g, "|");
const isOneOf = (text: string, list: string | undefined) => RegExp(`^${anyOf(list)}$`).test(text);

/** api, auto, domains, exclude, hash-routing, keep-query, respect-dnt, scroll-root, session-replay, track-…: those that few pages set. */
const RARE = /api|auto|Dnt|dom|excl|Q|R|track/;

/** Does this page or browser need what the small script leaves out? */
export const needsMore = !FULL && (!siteId || !window.navigation || document.prerendering || navigator.globalPrivacyControl || RARE.test(Object.keys(tag) as never));

export const isOff = (value: string | undefined) => FULL && value == "false";
export const isOn = (value: string | undefined) => (value ?? "false") != "false";
export const hasHashRouting = FULL && isOn(tag.hashRouting);

/** Is nothing to be recorded on this page? */
export const isExcluded = (pageUrl: string) => {
  const { pathname, hash } = new URL(pageUrl);
  return (
    (isOn(tag.respectDnt) && navigator.doNotTrack == "1") ||
    !isOneOf(location.hostname, tag.domains || "*") ||
    isOneOf(pathname + hash, tag.exclude)
  );
};
