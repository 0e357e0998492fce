import { mkdir, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { defineBuildConfig } from "unbuild";
import { bundleScript, trackerModule } from "./tracker/plugin.ts";

/** Budget of the tracker, gzipped: the build fails above it. */
const TRACKER_MAX_BYTES = 4_096;
/** Budget of the recorder, which only sites with session replay load. */
const REPLAY_MAX_BYTES = 24_576;

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
      await mkdir(context.options.outDir, { recursive: true });
      for (const [name, budget] of [["tracker", TRACKER_MAX_BYTES], ["replay", REPLAY_MAX_BYTES]] as const) {
        const script = await bundleScript(name);
        const size = gzipSync(script, { level: 9 }).length;
        await writeFile(`${context.options.outDir}/${name}.js`, script);
        process.stdout.write(`${name}.js: ${script.length} bytes, ${size} gzipped (budget ${budget})\n`);
        if (size > budget) throw new Error(`${name}.js is ${size} bytes gzipped; the budget is ${budget}`);
      }
    },
  },
});
