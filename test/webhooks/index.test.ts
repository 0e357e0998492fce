import { build } from "esbuild";
import { expect, test } from "vitest";
import * as entry from "../../src/webhooks/index.ts";

const MAX_BYTES = 4 * 1024;

test("the receivers' entry exports the handler, the check and the maker of secrets, and nothing else", () => {
  expect(Object.keys(entry).sort()).toEqual(["createWebhookHandler", "generateWebhookSecret", "verifyWebhook"]);
});

test("it is under 4 KB and needs nothing but node:crypto", async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: ["src/webhooks/index.ts"],
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    external: ["node:*"],
    write: false,
    metafile: true,
  });
  expect(outputFiles[0]?.contents.length).toBeLessThan(MAX_BYTES);
  expect(new Set(Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path)))).toEqual(new Set(["node:crypto"]));
});
