import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type Part, PARTS } from "../../tracker/parts.ts";
import { bundleScript } from "../../tracker/plugin.ts";

const BUDGET_BYTES = 2_500;
const FULL_BUDGET_BYTES = 3_100;

const size = async (parts?: Partial<Record<Part, boolean>>) =>
  gzipSync(await bundleScript("tracker", parts), { level: 9 }).length;
const all = Object.keys(PARTS) as Part[];
const everyPart = Object.fromEntries(all.map((part) => [part, true]));

describe("the tracker's size", () => {
  it("is at most 2,500 bytes gzipped", async () => {
    expect(await size()).toBeLessThanOrEqual(BUDGET_BYTES);
  });

  it("is at most 3,100 bytes with every part", async () => {
    expect(await size(everyPart)).toBeLessThanOrEqual(FULL_BUDGET_BYTES);
  });

  it.each(all)("without %s is smaller than with it", async (part) => {
    expect(await size({ ...everyPart, [part]: false })).toBeLessThan(await size(everyPart));
  });

  it("is one expression that no page can see fail, and sets no name but WysLeap", async () => {
    const script = await bundleScript("tracker", everyPart);
    expect(script).toMatch(/^try\{\(\(\)=>\{.*\}\)\(\)\}catch\(\w+\)\{\}$/s);
    expect(script.match(/window\.(\w+)=[^=]/g)).toEqual(["window.WysLeap="].map((text) => expect.stringContaining(text)));
  });
});
