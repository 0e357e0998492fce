import { describe, expect, test } from "vitest";
import { adoptJson, decodeUtf8, parseJson } from "../../src/http/json.ts";

const nothing = () => {};
const nested = (levels: number, open = '{"a":', close = "}") => `${open.repeat(levels - 1)}{}${close.repeat(levels - 1)}`;

describe("a body's text", () => {
  test("may be 32 levels deep, in objects and lists", () => {
    expect(() => parseJson(nested(32), nothing)).not.toThrow();
    expect(() => parseJson(nested(33), nothing)).toThrow(/32 levels/);
    expect(() => parseJson(`{"a":${"[".repeat(31)}${"]".repeat(31)}}`, nothing)).not.toThrow();
    expect(() => parseJson(`{"a":${"[".repeat(32)}${"]".repeat(32)}}`, nothing)).toThrow(/32 levels/);
    expect(() => parseJson(`{"a":${"[".repeat(1_000_000)}`, nothing)).toThrow(/32 levels/);
  });

  test("is not deep because of many brackets side by side or inside a text", () => {
    expect(parseJson(`{"a":[${Array.from({ length: 100 }, () => "{}").join(",")}]}`, nothing)).toHaveProperty("a.99");
    expect(parseJson(JSON.stringify({ a: `\\"${"[".repeat(100)}\\` }), nothing)).toHaveProperty("a");
  });

  test.each(["", " ", "{", "[]", "null", "1", '"x"', "{'a':1}", "{\"a\":1}}"])("%j is refused", (text) => {
    expect(() => parseJson(text, nothing)).toThrow(/JSON/);
  });

  test("loses keys that reach a prototype, at every level and however they are spelled, and keeps the rest", () => {
    let cleaned = 0;
    const spellings = ["__proto__", "\\u005f_proto__", "\\u005f\\u005fproto\\u005f\\u005f"];
    for (const key of spellings) {
      const object = parseJson(`{"a":{"b":[{"${key}":{"bad":1},"ok":1}]},"${key}":{"bad":1}}`, () => cleaned++);
      expect(JSON.stringify(object)).toBe('{"a":{"b":[{"ok":1}]}}');
    }
    const object = parseJson('{"constructor":{"prototype":{"bad":1}},"a":{"constructor":"Ferrari"}}', () => cleaned++);
    expect(JSON.stringify(object)).toBe('{"a":{"constructor":"Ferrari"}}');
    expect(cleaned).toBe(4);
    parseJson('{"a":"\\u00e9"}', () => cleaned++);
    expect(cleaned).toBe(4);
    expect(({} as { bad?: number }).bad).toBeUndefined();
  });
});

describe("a body that the host has parsed", () => {
  test("is checked the same, and the host's object stays as it was", () => {
    let cleaned = 0;
    const host = JSON.parse('{"a":{"__proto__":{"bad":1}},"b":1}') as Record<string, unknown>;
    const before = JSON.stringify(host);
    const ours = adoptJson(host, () => cleaned++);
    delete ours["b"];
    expect(JSON.stringify(ours)).toBe('{"a":{}}');
    expect(JSON.stringify(host)).toBe(before);
    expect(cleaned).toBe(1);
    expect(() => adoptJson(JSON.parse(nested(33)), nothing)).toThrow(/32 levels/);
    expect(() => adoptJson(JSON.parse(nested(32)), nothing)).not.toThrow();
    for (const value of [[], null, 1, "x"]) expect(() => adoptJson(value, nothing)).toThrow(/JSON object/);
  });
});

test("a byte order mark is dropped and broken UTF-8 refused", () => {
  expect(decodeUtf8(Buffer.from("\uFEFF{é}"))).toBe("{é}");
  for (const bytes of [[0xc3, 0x28], [0xff], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    expect(() => decodeUtf8(Buffer.from(bytes))).toThrow(/UTF-8/);
  }
});
