import { mkdir, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { defineBuildConfig } from "unbuild";
import { bundleScript, trackerModule } from "./tracker/plugin.ts";

/** Budget of the tracker, gzipped: the build fails above it. */
const TRACKER_MAX_BYTES = 4_096;

export default defineBuildConfig({
  entries: [
    "src/index",
    { input: "src/webhooks/index", name: "webhooks" },
    { input: "src/testing/index", name: "testing" },
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
  rollup: { emitCJS: false, inlineDependencies: ["#tracker"], esbuild: { target: "node20" } },
  hooks: {
    "rollup:options"(_context, options) {
      const plugins = Array.isArray(options.plugins) ? options.plugins : [options.plugins];
      options.plugins = [trackerModule(), ...plugins];
    },
    async "rollup:done"(context) {
      const script = await bundleScript("tracker");
      const size = gzipSync(script, { level: 9 }).length;
      await mkdir(context.options.outDir, { recursive: true });
      await writeFile(`${context.options.outDir}/tracker.js`, script);
      process.stdout.write(`tracker.js: ${script.length} bytes, ${size} gzipped (budget ${TRACKER_MAX_BYTES})\n`);
      if (size > TRACKER_MAX_BYTES) throw new Error(`tracker.js is ${size} bytes gzipped; the budget is ${TRACKER_MAX_BYTES}`);
    },
  },
});
