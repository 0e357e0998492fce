import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { FORMAT, open, seal } from "../../src/storage/codec.ts";

const body = Buffer.from('{"a":"Zoë 😀"}\nsecond line');

test("a sealed value opens to the same bytes, whatever container a driver returns it in", () => {
  for (const sealed of [seal(body), seal(body.toString())]) {
    const copy = new Uint8Array(sealed);
    for (const value of [sealed, copy, copy.buffer]) expect(open(value)).toEqual({ state: "found", body });
  }
  expect(open(seal(""))).toEqual({ state: "found", body: Buffer.alloc(0) });
});

test("nothing is missing, not torn", () => {
  expect([open(null), open(undefined)]).toEqual([{ state: "missing" }, { state: "missing" }]);
});

test("a value cut at any byte is torn", () => {
  const sealed = seal(body);
  for (let length = 0; length < sealed.length; length++) expect(open(sealed.subarray(0, length))).toEqual({ state: "torn" });
});

test("a value with any one bit flipped is torn", () => {
  const sealed = seal(body);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const flipped = Buffer.from(sealed);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    expect(open(flipped), `bit ${bit}`).toEqual({ state: "torn" });
  }
});

test("texts, numbers and values with something behind them are torn", () => {
  for (const value of ["text", 7, {}, Buffer.concat([seal(body), Buffer.from("x")])]) expect(open(value)).toEqual({ state: "torn" });
});

test("a sound value of a newer format is refused", () => {
  const sealed = seal(body);
  sealed[2] = FORMAT + 1;
  sealed.writeUInt32LE(crc32(sealed.subarray(8), crc32(sealed.subarray(0, 4))), 4);
  expect(() => open(sealed)).toThrow(/format 2.*upgrade/);
});
