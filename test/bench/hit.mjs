// The same pageviews as pageview.lua sends.
const VISITORS = 50_000;

export const WRITE_KEY = "public-key-of-the-demo-site";
export const SECRET_KEY = "secret-key-of-the-demo-site";

const padded = (n) => String(n).padStart(12, "0");

export function createHit(n) {
  const visitor = padded((n * 7_919) % VISITORS);
  return {
    siteId: "demo", pageUrl: `https://example.com/products/${n % 200}`, pageTitle: "Products - Example Store", referrer: "https://google.com",
    visitorId: `vis_${visitor}`, sessionId: `sess_${visitor}`, screenWidth: 1920, screenHeight: 1080, language: "en-US", timeZone: "America/New_York",
    _apiKey: WRITE_KEY,
  };
}

/** A request for `/telemetry/batch`. */
export function toBatch(hits) {
  return { siteId: "demo", _apiKey: WRITE_KEY, items: hits.map((hit) => ({ type: "pageview", ...hit })) };
}
