import { describe, expect, it } from "vitest";
import { parseEventData } from "../../src/ingest/schema-data.ts";

const nested = (levels: number): Record<string, unknown> => (levels === 1 ? { end: 1 } : { inner: nested(levels - 1) });
const keysOf = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 1]));

describe("event data", () => {
  it("of any plain JSON is kept as it is", () => {
    const data = { productId: "prod_123", price: 9.5, tags: ["a", { b: null }], gift: false, deep: nested(7) };
    expect(parseEventData(data)).toEqual({ data });
  });

  it("may be nested 8 levels and not 9", () => {
    expect(parseEventData(nested(8))).toEqual({ data: nested(8) });
    expect(parseEventData(nested(9))).toEqual({ rule: "must be nested at most 8 levels" });
    expect(parseEventData({ a: [[[[[[[1]]]]]]] })).toHaveProperty("data");
    expect(parseEventData({ a: [[[[[[[[1]]]]]]]] })).toHaveProperty("rule");
  });

  it("nested a million levels is refused without a deep call", () => {
    const bottom: Record<string, unknown> = {};
    let data = bottom;
    for (let i = 0; i < 1_000_000; i++) data = { a: data };
    expect(parseEventData(data)).toHaveProperty("rule");
  });

  it("may have 200 keys in all and not 201", () => {
    expect(parseEventData(keysOf(200))).toHaveProperty("data");
    expect(parseEventData(keysOf(201))).toEqual({ rule: "must have at most 200 keys" });
    expect(parseEventData({ a: keysOf(100), b: keysOf(99) })).toHaveProperty("rule");
  });

  it("may have 16 KiB of JSON and not a byte more", () => {
    const room = 16_384 - '{"a":""}'.length;
    expect(parseEventData({ a: "x".repeat(room) })).toHaveProperty("data");
    expect(parseEventData({ a: "x".repeat(room + 1) })).toEqual({ rule: "must be at most 16384 bytes of JSON" });
    expect(parseEventData({ a: "é".repeat(room / 2) })).toHaveProperty("data");
    expect(parseEventData({ a: "é".repeat(room / 2 + 1) })).toHaveProperty("rule");
    expect(parseEventData({ a: Array.from({ length: 9_000 }, () => 0) })).toHaveProperty("rule");
    expect(parseEventData({ a: Array.from({ length: 4_000 }, () => Array.from({ length: 5 }, () => "")) })).toHaveProperty("rule");
  });

  it("loses keys that reach for a prototype, at every level", () => {
    const data = JSON.parse('{"a":1,"__proto__":{"p":1},"in":[{"__proto__":{"p":1},"constructor":{"prototype":{"p":1}}}],"constructor":"Bob"}');
    expect(JSON.stringify(parseEventData(data))).toBe('{"data":{"a":1,"in":[{}],"constructor":"Bob"}}');
    const hidden = parseEventData(JSON.parse('{"__pro\\u0000to__":{"p":1}}')) as { data: Record<string, unknown> };
    expect([hidden, hidden.data["p"]]).toEqual([{ data: {} }, undefined]);
  });

  it("has well-formed strings without NUL, keys too", () => {
    expect(parseEventData({ "k\ud800": "a\u0000b\udc00" })).toEqual({ data: { "k\ufffd": "ab\ufffd" } });
  });

  it("from the host's own code becomes plain JSON", () => {
    const data = { at: new Date(0), gone: undefined, call: () => 1, n: Number.NaN, list: [undefined], bad: new Date(Number.NaN) };
    expect(parseEventData(data)).toEqual({ data: { at: "1970-01-01T00:00:00.000Z", n: null, list: [null], bad: null } });
  });

  it("that goes in a circle is refused", () => {
    const data: Record<string, unknown> = {};
    data["self"] = data;
    expect(parseEventData(data)).toHaveProperty("rule");
  });
});
