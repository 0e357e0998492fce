const script = document.currentScript as HTMLScriptElement;

/**
 * The script tag's `data-*` attributes.
 * - `site-id`, or `?site=` in the script's address (some optimisers strip attributes); `key`: the site's write key
 * - `api`: where telemetry goes, e.g. `/api` (seen from the script); by default the folder that the script came from
 * - `auto="false"`: pageviews only by `trackPageView()`; `track-clicks="false"`; `track-scroll="false"`
 * - `hash-routing`: what follows `#/` or `#!/` belongs to the path
 * - `domains="a.com,www.a.com"`: records nothing elsewhere; `exclude="/admin*,/preview"`: nothing on these paths
 * - `session-replay`: records sessions; `"on-intent"` only those that prove worth it; `replay-sample="0.1"`: a tenth of them
 * - `respect-dnt`: records nothing with Do Not Track
 */
export const tag = script.dataset;
export const siteId = tag.siteId || (PART.siteInUrl && new URL(script.src).searchParams.get("site"));
export const recorder = new URL("replay.js", script.src);
export const endpoint = new URL((tag.api ? tag.api + "/" : "") + "telemetry/batch", script.src);

/** Global Privacy Control: no id, no signals. */
export const anonymous = (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl;

/** Is nothing to be recorded on this page? */
export const isExcluded = (pageUrl: string) =>
  (PART.dnt && tag.respectDnt != null && navigator.doNotTrack == "1") ||
  (PART.domains && tag.domains && !tag.domains.split(",").includes(location.hostname)) ||
  (PART.exclude && tag.exclude && RegExp(`^(${tag.exclude.replace(/\*/g, ".*").replace(/,/g, "|")})$`).test(new URL(pageUrl).pathname));
