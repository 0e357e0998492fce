import { gzipSync } from "node:zlib";
import { BROWSER, KEYS } from "./http-client.ts";

/** A request that may be valid, nearly valid or nonsense. */
export interface FuzzRequest {
  method: string;
  /** Below the mount, with the query. */
  path: string;
  headers: Record<string, string>;
  body?: Buffer;
}

export interface Fuzzer {
  next(): FuzzRequest;
  /** A number in 0…1, from the same seed. */
  random(): number;
}

const HOSTILE_VALUES: unknown[] = [
  null, true, false, 0, -1, 1e308, -0.5, 2 ** 53 + 2, "", " ", "0", "1920", "NaN", [], {}, [[]], [null], { a: { b: [] } },
  "\u0000", "\ud800", "\u2028", "\u202e", "👩‍👩‍👧".slice(0, 3), "__proto__", "constructor", "toString", "../../x", "a?b", "a/b", "'; --",
  "<script>", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://", "https://user:pass@shop.example/?a=b#c",
  "//shop.example", "http://[::1", "https://shop.example:99999/", "2025-13-45", "2025-01-15T10:30:00Z", "x".repeat(129),
  "x".repeat(5_000), "é".repeat(2_000), 1736937000000, { length: 5 }, { toJSON: 1 }, Array.from({ length: 300 }, (_, at) => at),
];
const TYPES = [
  "application/json", "text/plain", "text/plain;charset=UTF-8", "application/octet-stream", "application/json; charset=latin1",
  "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/html", "", ";", "application/json;charset", "*/*",
];
const CODINGS = ["gzip", "br", "deflate", "identity", "gzip, br", "zstd", "GZIP", ",", " "];
const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"];
const ORIGINS = ["https://shop.example", "https://a.shop.example", "null", "https://evil.example", "", "https://shop.example.", "%"];
const ODD_PATHS = ["/", "//", "/telemetry", "/telemetry/", "/telemetry/pageview/", "/visitors", "/visitors/", "/visitors//", "/%2e%2e/x", "/%", "/.."];
const ODD_IDS = ["demo", "nobody", "__proto__", "%E0%A4%A", "%00", "..%2f..", "vis_1", "a%20b", "%F0%9F%92%A9", "x".repeat(300), "?", "#"];
const QUERY_NAMES = ["limit", "days", "country", "from", "to", "x", "limit%00", "__proto__", ""];
const QUERY_VALUES = ["1", "50", "0", "-1", "1e9", "US", "us", "", "%", "%E0%A4%A", "NaN", "2025-01-15", "9".repeat(400), "+", "a&limit=1", "="];

const BODIES: Record<string, (now: number) => Record<string, unknown>> = {
  "/telemetry/pageview": () => ({
    siteId: "demo", pageUrl: "https://shop.example/products", pageTitle: "Products", referrer: "https://google.com",
    visitorId: "vis_abc123", sessionId: "sess_xyz789", userAgent: BROWSER, screenWidth: 1920, screenHeight: 1080, language: "en-US",
    timeZone: "America/New_York", languages: ["en-US", "en"], devicePixelRatio: 2, value: 9.5, currency: "USD",
  }),
  "/telemetry/event": (now) => ({
    siteId: "demo", eventName: "Purchase Completed", eventData: { productId: "prod_123", nested: { list: [1, "two", null] } },
    visitorId: "vis_abc123", pageUrl: "https://shop.example/checkout", userAgent: BROWSER, timestamp: now,
  }),
  "/telemetry/batch": () => ({
    siteId: "demo", visitorId: "vis_abc123", userAgent: BROWSER,
    items: [
      { type: "pageview", pageUrl: "https://shop.example/" },
      { type: "event", eventName: "Click", eventData: { a: 1 } },
      { type: "engagement", pageUrl: "https://shop.example/", engagedSeconds: 3, scrollDepth: 50 },
    ],
  }),
};

/** mulberry32: small, fast, the same everywhere. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * Mutations of valid requests to every endpoint of `CONTRACT_SITES`, by grammar (fields, keys, headers, paths) and by
 * byte. The same seed and `now` (epoch milliseconds, for timestamps) give the same requests.
 *
 * @example
 * const fuzzer = createFuzzer(1);
 * for (let sent = 0; sent < 10_000; sent++) await sendRaw(fuzzer.next());
 */
export function createFuzzer(seed: number, now = Date.now()): Fuzzer {
  const random = createRandom(seed);
  const chance = (share: number) => random() < share;
  const below = (count: number) => Math.floor(random() * count);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;

  /** Puts a hostile value, or nothing, somewhere into the tree. */
  function spoil(value: unknown): unknown {
    if (typeof value !== "object" || value === null || chance(0.3)) return pick(HOSTILE_VALUES);
    const copy = Array.isArray(value) ? [...value] : { ...value };
    const names = Object.keys(copy);
    const name = chance(0.1) ? pick(["__proto__", "constructor", "items", "type", "unknown"]) : names[below(names.length)];
    if (name === undefined) return pick(HOSTILE_VALUES);
    const fields = copy as Record<string, unknown>;
    if (chance(0.2)) delete fields[name];
    else Object.defineProperty(fields, name, { value: spoil(fields[name]), enumerable: true, configurable: true, writable: true });
    return copy;
  }

  function scramble(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    const at = below(copy.length + 1);
    switch (below(6)) {
      case 0:
        return copy.subarray(0, at);
      case 1:
        return Buffer.concat([copy.subarray(0, at), Buffer.from([below(256), below(256)]), copy.subarray(at)]);
      case 2:
        return Buffer.concat([copy.subarray(0, at), copy.subarray(below(copy.length + 1))]);
      case 3:
        return Buffer.concat([copy, copy.subarray(at)]);
      case 4:
        return Buffer.concat([copy.subarray(0, at), Buffer.from(pick(["[", "{", '"', "\\u", "\\", "[".repeat(40)])), copy.subarray(at)]);
      default:
        for (let flips = 0; flips <= below(4) && copy.length > 0; flips++) copy[below(copy.length)]! ^= 1 << below(8);
        return copy;
    }
  }

  function pickKey(): string | undefined {
    if (chance(0.7)) return chance(0.5) ? KEYS.secret : KEYS.write;
    return pick([undefined, "", "wrong", KEYS.other, "x".repeat(600), `${KEYS.secret} `, `${KEYS.secret}x`]);
  }

  function telemetry(path: string): FuzzRequest {
    let value: unknown = BODIES[path]!(now);
    const headers: Record<string, string> = { "content-type": "application/json" };
    const key = pickKey();
    if (chance(0.5)) (value as Record<string, unknown>)["_apiKey"] = key;
    else if (key !== undefined) headers["x-api-key"] = key;
    for (let rounds = below(3); rounds > 0; rounds--) value = spoil(value);
    let body = Buffer.from(JSON.stringify(value) ?? "");
    if (chance(0.3)) body = Buffer.from(scramble(body));
    if (chance(0.1)) {
      body = gzipSync(body);
      headers["content-encoding"] = "gzip";
      if (chance(0.5)) body = Buffer.from(scramble(body));
    } else if (chance(0.05)) headers["content-encoding"] = pick(CODINGS);
    if (chance(0.2)) headers["content-type"] = pick(TYPES);
    if (chance(0.2)) headers["origin"] = pick(ORIGINS);
    if (chance(0.05)) headers["idempotency-key"] = pick(["a", '"a"', "x".repeat(200), "é", ""]);
    return { method: chance(0.95) ? "POST" : pick(METHODS), path, headers, body };
  }

  function read(): FuzzRequest {
    const id = () => (chance(0.5) ? "demo" : pick(ODD_IDS));
    const path = pick([`/visitors/${id()}`, `/visitors/${id()}/${id()}`, `/events/${id()}`, "/health", "/openapi.json", "/tracker.js", pick(ODD_PATHS)]);
    const parts = Array.from({ length: below(4) }, () => `${pick(QUERY_NAMES)}=${pick(QUERY_VALUES)}`);
    const headers: Record<string, string> = {};
    const key = pickKey();
    if (key !== undefined) headers["x-api-key"] = key;
    if (chance(0.2)) headers["accept-encoding"] = pick(["br", "gzip;q=0", ",", "*", "br;q=x"]);
    if (chance(0.2)) headers["if-none-match"] = pick(["*", '"x"', "W/", '"'.repeat(50)]);
    return { method: chance(0.8) ? "GET" : pick(METHODS), path: parts.length > 0 ? `${path}?${parts.join("&")}` : path, headers };
  }

  return {
    random,
    next() {
      const request = chance(0.75) ? telemetry(pick(Object.keys(BODIES))) : read();
      request.headers["user-agent"] ??= BROWSER;
      if (chance(0.05)) request.headers["x-forwarded-for"] = pick(["x", "1.2.3.4, 5.6.7.8", "[::1]:80", ",,", "1".repeat(3_000)]);
      return request;
    },
  };
}
