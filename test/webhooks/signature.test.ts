import { createHmac, timingSafeEqual } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { expect, test, vi } from "vitest";
import { withSignature } from "../../src/webhooks/payload.ts";
import { generateWebhookSecret, signBody, signHeader, verifyWebhook } from "../../src/webhooks/signature.ts";

const SECRET = "whsec_d3lzbGVhcC10ZXN0LXZlY3Rvci1zZWNyZXQtMzJieXQ=";
const ID = "msg_01JHN2K8Q00000000000000001";
const TIMESTAMP = 1_736_937_000;
const UNSIGNED =
  '{"event":"event","siteId":"your-site-id","timestamp":"2025-01-15T10:30:00Z","data":{"eventName":"Purchase Completed","eventData":{"2":"b","10":"a","name":"Zoë 😀","price":1e+21,"neg":0,"html":"</script>"},"visitorId":"vis_abc123"},"id":"msg_01JHN2K8Q00000000000000001"}';
const SIGNATURE = "sha256=af1931d02fa39fba290a3f6c3c12891ea823a94827a1d435f706543cc132c787";
const BODY = withSignature(UNSIGNED, signBody(UNSIGNED, SECRET));

/** The check that the API reference gives to receivers, word for word but for types. */
function referenceVerifyWebhook(payload: unknown, signature: string, secret: string) {
  const hmac = createHmac("sha256", secret);
  const digest = hmac.update(JSON.stringify(payload)).digest("hex");
  const expected = `sha256=${digest}`;
  return timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
}

test("the test vector: body and header signature", () => {
  expect(`sha256=${signBody(UNSIGNED, SECRET)}`).toBe(SIGNATURE);
  expect(Buffer.byteLength(BODY)).toBe(358);
  expect(signHeader(ID, TIMESTAMP, BODY, SECRET)).toBe("v1,J8BTDkGuTg80YF+zgbQ5M+94IyFGXD+j2SfsfoiIUgU=");
});

test("the reference's own check accepts the parsed body", () => {
  const { signature, ...payload } = JSON.parse(BODY);
  expect(referenceVerifyWebhook(payload, signature, SECRET)).toBe(true);
});

test.each([["whsec_", SECRET, {}], ["raw", "a plain secret, ASCII as the library wants it", { format: "raw" as const }]])(
  "the standardwebhooks library accepts headers and raw body: %s secret",
  (_, secret, options) => {
    vi.useFakeTimers({ now: TIMESTAMP * 1_000 });
    try {
      const body = withSignature(UNSIGNED, signBody(UNSIGNED, secret));
      const headers = { "webhook-id": ID, "webhook-timestamp": String(TIMESTAMP), "webhook-signature": signHeader(ID, TIMESTAMP, body, secret) };
      expect(new Webhook(secret, options).verify(body, headers)).toEqual(JSON.parse(body));
      expect(() => new Webhook(secret, options).verify(body.replace("abc123", "abc124"), headers)).toThrow("No matching signature");
    } finally {
      vi.useRealTimers();
    }
  },
);

test.each<[string, string | Uint8Array | object]>([
  ["the raw text with its signature", BODY],
  ["the raw text without", UNSIGNED],
  ["the raw bytes", Buffer.from(BODY)],
  ["bytes that are a view into a larger buffer", new Uint8Array(Buffer.from(`xx${BODY}xx`)).subarray(2, -2)],
  ["the parsed payload with its signature", JSON.parse(BODY)],
  ["the parsed payload without", JSON.parse(UNSIGNED)],
  ["text with a line end behind it", `${BODY}\n`],
])("verifyWebhook accepts %s", (_, body) => {
  expect(verifyWebhook(body, SIGNATURE, SECRET)).toBe(true);
  expect(verifyWebhook(body, SIGNATURE, [generateWebhookSecret(), SECRET])).toBe(true);
  expect(verifyWebhook(body, SIGNATURE, generateWebhookSecret())).toBe(false);
  expect(verifyWebhook(body, `${SIGNATURE.slice(0, -1)}8`, SECRET)).toBe(false);
});

test.each<[string, unknown]>([
  ["none", undefined], ["null", null], ["a list", [SIGNATURE]], ["empty", ""], ["short", "sha256=abc"], ["without its prefix", SIGNATURE.slice(7)],
  ["too long", `${SIGNATURE}0`], ["upper case", SIGNATURE.toUpperCase()], ["71 characters but more bytes", `sha256=${"é".repeat(64)}`], ["the header's", "v1,J8BTDkGuTg80YF+zgbQ5M+94IyFGXD+j2SfsfoiIUgU="],
])("a signature that is %s is refused without throwing", (_, signature) => {
  expect(verifyWebhook(BODY, signature, SECRET)).toBe(false);
});

test.each<[string, unknown]>([["no JSON", "{"], ["a number", "1"], ["empty", ""], ["null", null], ["undefined", undefined], ["a cycle", (() => { const a: { a?: unknown } = {}; a.a = a; return a; })()], ["a BigInt", { a: 1n }]])(
  "a body that is %s is refused without throwing",
  (_, body) => {
    expect(verifyWebhook(body as string, SIGNATURE, SECRET)).toBe(false);
  },
);

test("a receiver that forgot its secret is told so, and an empty one signs nothing", () => {
  for (const secret of [undefined, "", [], [SECRET, ""]]) expect(() => verifyWebhook(BODY, SIGNATURE, secret as string)).toThrow(/secret/);
});

test("any single bit changed in the body is noticed", () => {
  const bytes = Buffer.from(BODY);
  const signedBytes = Buffer.byteLength(UNSIGNED) - 1; // behind it is the signature field, which is passed by itself
  for (let bit = 0; bit < signedBytes * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(verifyWebhook(changed, SIGNATURE, SECRET), `bit ${bit}`).toBe(false);
  }
});

test("during a rotation the header carries a signature for each secret, the body the first's", () => {
  const next = generateWebhookSecret();
  const body = withSignature(UNSIGNED, signBody(UNSIGNED, next));
  const header = signHeader(ID, TIMESTAMP, body, [next, SECRET]);
  expect(header.split(" ")).toHaveLength(2);
  expect(header).toBe(`${signHeader(ID, TIMESTAMP, body, next)} ${signHeader(ID, TIMESTAMP, body, SECRET)}`);
});

test("a generated secret is whsec_ and 32 random bytes", () => {
  const secrets = Array.from({ length: 100 }, generateWebhookSecret);
  expect(new Set(secrets).size).toBe(100);
  for (const secret of secrets) {
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(Buffer.from(secret.slice(6), "base64")).toHaveLength(32);
  }
});
