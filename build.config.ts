import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineBuildConfig } from "unbuild";
import { bundleFull, bundleRecorder, bundleScript, trackerModule } from "./tracker/plugin.ts";

/** Budgets in bytes, gzipped: the build fails above them. The recorder's is paid by pages with session replay only. */
const SCRIPTS = {
  "tracker.js": { bundle: bundleScript, maxBytes: 2_500 },
  "tracker-full.js": { bundle: () => bundleFull(), maxBytes: 3_050 },
  "replay.js": { bundle: bundleRecorder, maxBytes: 24_576 },
};

export default defineBuildConfig({
  entries: [
    "src/index",
    { input: "src/webhooks/index", name: "webhooks" },
    { input: "src/testing/index", name: "testing" },
    { input: "tracker/module", name: "tracker" },
    { input: "adapters/h3", name: "h3" },
    { input: "adapters/express", name: "express" },
    { input: "adapters/nitro", name: "nitro" },
    { input: "adapters/nitro-v2", name: "nitro-v2" },
    { input: "adapters/nitro-v3", name: "nitro-v3" },
  ],
  declaration: "node16",
  clean: true,
  failOnWarn: true,
  externals: ["wysleap", "h3", "nitropack/runtime", "nitro/h3", "nitro/runtime", "srvx/node"],
  rollup: { emitCJS: false, inlineDependencies: ["#tracker", "#tracker-full"], esbuild: { target: "node20" } },
  hooks: {
    "rollup:options"(_context, options) {
      const plugins = Array.isArray(options.plugins) ? options.plugins : [options.plugins];
      options.plugins = [trackerModule(), ...plugins];
    },
    async "rollup:done"(context) {
      await mkdir(context.options.outDir, { recursive: true });
      for (const [file, { bundle, maxBytes }] of Object.entries(SCRIPTS)) {
        const script = await bundle();
        await writeFile(`${context.options.outDir}/${file}`, script);
        const size = gzipSync(script, { level: 9 }).length;
        const integrity = `sha384-${createHash("sha384").update(script).digest("base64")}`;
        process.stdout.write(`${file}: ${script.length} bytes, ${size} gzip, ${brotliCompressSync(script).length} brotli, ${integrity}\n`);
        if (size > maxBytes) throw new Error(`${file} is ${size} bytes gzipped; the budget is ${maxBytes}`);
      }
    },
  },
});
