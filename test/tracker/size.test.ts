import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { bundleFull, bundleModule, bundleScript } from "../../tracker/plugin.ts";

/** Plausible's is 2,700 and does less. */
const BUDGET_BYTES = 2_500;
const FULL_BUDGET_BYTES = 3_050;

const size = (script: string) => gzipSync(script, { level: 9 }).length;

describe("the tracker's size", () => {
  it("is at most 2,500 bytes gzipped", async () => {
    expect(size(await bundleScript())).toBeLessThanOrEqual(BUDGET_BYTES);
  });

  it("is at most 3,050 bytes with everything that few pages ask for", async () => {
    expect(size(await bundleFull())).toBeLessThanOrEqual(FULL_BUDGET_BYTES);
  });

  it("is one block that no page can see fail, and sets no name but WysLeap", async () => {
    const script = await bundleScript();
    expect(script).toMatch(/^try\{let .*\}catch\{\}$/s);
    expect(script.match(/window\.(\w+)=[^=]/g)).toEqual([expect.stringContaining("window.WysLeap=")]);
  });

  it("the module tells an app's bundler to leave the recorder's address alone", async () => {
    expect(await bundleModule()).toMatch(/import\(\s*\/\* @vite-ignore \*\/\s*\/\* webpackIgnore: true \*\//);
  });

  it("the module touches nothing of a browser before init() is called", async () => {
    const { init } = await import(`data:text/javascript,${encodeURIComponent(await bundleModule())}`);
    expect(init({ siteId: "shop", api: "/api" })).toBeUndefined();
  });
});
