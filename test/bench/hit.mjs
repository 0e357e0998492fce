// The same pageviews as pageview.lua sends.
const VISITORS = 50_000;
const PAGES_A_VISIT = 3;
/** Visits under way at a time. */
const AT_ONCE = 300;

export const WRITE_KEY = "public-key-of-the-demo-site";
export const SECRET_KEY = "secret-key-of-the-demo-site";

const padded = (n) => String(n).padStart(12, "0");

export function createHit(n) {
  const visit = Math.floor(n / (AT_ONCE * PAGES_A_VISIT)) * AT_ONCE + (n % AT_ONCE);
  const visitor = padded((visit * 7_919) % VISITORS);
  return {
    siteId: "demo", pageUrl: `https://example.com/products/${n % 200}`, pageTitle: "Products - Example Store", referrer: "https://google.com",
    visitorId: `vis_${visitor}`, sessionId: `sess_${padded(visit)}`, screenWidth: 1920, screenHeight: 1080, language: "en-US", timeZone: "America/New_York",
    _apiKey: WRITE_KEY,
  };
}

/** A request for `/telemetry/batch`. */
export function toBatch(hits) {
  return { siteId: "demo", _apiKey: WRITE_KEY, items: hits.map((hit) => ({ type: "pageview", ...hit })) };
}
