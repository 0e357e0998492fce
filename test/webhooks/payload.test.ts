import { expect, test } from "vitest";
import { createPayload, MAX_BODY_BYTES, MAX_EVENT_DATA_BYTES, withSignature } from "../../src/webhooks/payload.ts";

const base = { event: "event" as const, siteId: "your-site-id", at: Date.parse("2025-01-15T10:30:00.900Z"), id: "msg_01JHN2K8Q00000000000000001" };
const parsedData = (unsigned: string) => JSON.parse(unsigned).data;

test("the payload is event, siteId, timestamp, data and id, in this order", () => {
  const data = JSON.parse('{"eventName":"Purchase Completed","eventData":{"2":"b","10":"a","name":"Zoë 😀","price":1e21,"neg":-0,"html":"</script>"},"visitorId":"vis_abc123"}');
  expect(createPayload({ ...base, data })).toBe(
    '{"event":"event","siteId":"your-site-id","timestamp":"2025-01-15T10:30:00Z","data":{"eventName":"Purchase Completed","eventData":{"2":"b","10":"a","name":"Zoë 😀","price":1e+21,"neg":0,"html":"</script>"},"visitorId":"vis_abc123"},"id":"msg_01JHN2K8Q00000000000000001"}',
  );
});

test("the signature is added as the last field, and the rest stays byte for byte", () => {
  const unsigned = createPayload({ ...base, data: { signature: "nested ones are the sender's own" } });
  const body = withSignature(unsigned, "ab".repeat(32));
  expect(body).toBe(`${unsigned.slice(0, -1)},"signature":"sha256=${"ab".repeat(32)}"}`);
  expect(body).toBe(JSON.stringify({ ...JSON.parse(unsigned), signature: `sha256=${"ab".repeat(32)}` }));
});

test.each([
  ["integer-like keys in any order", '{"b":1,"10":2,"2":3,"-1":4,"01":5,"4294967295":6}'],
  ["numbers at the edges", "[-0,1e21,1e-7,5e-324,1.7976931348623157e308,0.1,123456789012345680000]"],
  ["empty things and nulls", '{"":"","a":null,"b":[],"c":{}}'],
  ["separators of lines and of scripts", '"\\u2028\\u2029</script><!--"'],
])("what JSON.parse gave comes back from stringify(parse(x)) unchanged: %s", (_, json) => {
  const unsigned = createPayload({ ...base, data: { value: JSON.parse(json) } });
  expect(JSON.stringify(JSON.parse(unsigned))).toBe(unsigned);
});

test("eventData of 12 KiB is sent, one byte more is left to the API", () => {
  const wrapping = '{"text":""}'.length;
  const exact = { text: "x".repeat(MAX_EVENT_DATA_BYTES - wrapping) };
  const sent = (eventData: unknown) => parsedData(createPayload({ ...base, data: { eventName: "Big", eventData } }));
  expect(sent(exact)).toEqual({ eventName: "Big", eventData: exact });
  expect(sent({ text: `${exact.text}x` })).toEqual({ eventName: "Big", eventData: { _truncated: true } });
});

test("the limit counts bytes, not characters", () => {
  const data = { eventData: { text: "漢".repeat(5_000) } };
  expect(parsedData(createPayload({ ...base, data }))).toEqual({ eventData: { _truncated: true } });
});

test("no body is over 64 KiB, whatever else the data holds", () => {
  const body = withSignature(createPayload({ ...base, data: { note: "x".repeat(MAX_BODY_BYTES) } }), "0".repeat(64));
  expect(JSON.parse(body).data).toEqual({ _truncated: true });
  const room = MAX_BODY_BYTES - Buffer.byteLength(withSignature(createPayload({ ...base, data: { note: "" } }), "0".repeat(64)));
  const full = withSignature(createPayload({ ...base, data: { note: "x".repeat(room) } }), "0".repeat(64));
  expect(Buffer.byteLength(full)).toBe(MAX_BODY_BYTES);
});

test("half a surrogate pair becomes U+FFFD, in keys too, and a whole pair stays", () => {
  const unsigned = createPayload({ ...base, data: { lone: "a\ud800b", "k\udc00": ["\udfff"], whole: "😀" } });
  expect(unsigned).not.toContain("\\u");
  expect(parsedData(unsigned)).toEqual({ lone: "a\ufffdb", "k\ufffd": ["\ufffd"], whole: "😀" });
});

test("keys that receivers' parsers take out are not sent", () => {
  const data = JSON.parse('{"a":{"__proto__":{"x":1},"constructor":{"prototype":{"y":1}},"ok":1},"constructor":"a word"}');
  expect(createPayload({ ...base, data })).toContain('"data":{"a":{"ok":1},"constructor":"a word"}');
});

test("a value that is no JSON is refused", () => {
  expect(() => createPayload({ ...base, data: { big: 1n as unknown } })).toThrow(TypeError);
});
