import { expect, it } from "vitest";
import { cutText, toCleanText } from "../../src/ingest/text.ts";

it("text is cut by character: an emoji is never cut in half", () => {
  expect(cutText("a😀😀", 2)).toBe("a😀");
  expect(cutText("😀😀😀", 2)).toBe("😀😀");
  expect(cutText("ab", 2)).toBe("ab");
  expect(cutText("abc", 2)).toBe("ab");
});

it("NUL goes and a lone half of a character becomes the replacement character", () => {
  expect(toCleanText("a\u0000b\ud83d")).toBe("ab\ufffd");
  expect(toCleanText("a\u2028😀")).toBe("a\u2028😀");
});

it("random UTF-16 of any length comes out well-formed and within the bound", () => {
  let state = 42;
  const next = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648);
  for (let round = 0; round < 2_000; round++) {
    const units = Array.from({ length: next() % 40 }, () => (next() % 3 === 0 ? 0xd800 + (next() % 0x800) : next() % 0x100));
    const cut = cutText(String.fromCharCode(...units), 10);
    expect([...cut].length).toBeLessThanOrEqual(10);
    expect(cut).toBe(Buffer.from(cut, "utf8").toString("utf8"));
    expect(cut).not.toContain("\u0000");
  }
});
