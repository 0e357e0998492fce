import { readFile } from "node:fs/promises";
import { build, type Plugin } from "esbuild";
import { minify } from "terser";
import { type Part, PARTS } from "./parts.ts";

const ENTRIES = { tracker: "tracker/index.ts", replay: "tracker/replay/index.ts" } as const;

const CANVAS_MANAGER = /\nclass CanvasManager \{[\s\S]*?\n\}\n/;
const NO_CANVAS = "\nclass CanvasManager { reset() {} freeze() {} unfreeze() {} lock() {} unlock() {} }\n";

/**
 * Puts the clock into rrweb's one wrapper around all of its handlers: nothing else can tell what they cost a page.
 * Canvas recording is left out: it is never switched on, because its replay runs what was recorded.
 */
const timedRecorder: Plugin = {
  name: "timed-recorder",
  setup({ onLoad }) {
    onLoad({ filter: /@rrweb\/record\/dist\/record\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const call = "return cb(...rest);\n    } catch (error) {";
      if (source.split(call).length !== 2) throw new Error("rrweb's callbackWrapper has changed: look where its time is measured now");
      const cost = JSON.stringify(new URL("replay/cost.ts", import.meta.url).pathname);
      if (!CANVAS_MANAGER.test(source)) throw new Error("rrweb's CanvasManager has changed: look how it is left out now");
      const changed = source.replace(call, call.replace("cb(...rest)", "timed(cb, rest)")).replace(CANVAS_MANAGER, NO_CANVAS);
      return { contents: `import { timed } from ${cost};\n${changed}` };
    });
  },
};

/** The recorder is a module: the tracker imports it, and hands itself over. */
async function bundleModule(entry: string): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: new URL("..", import.meta.url).pathname,
    bundle: true,
    write: false,
    minifySyntax: true,
    format: "esm",
    target: "es2020",
    tsconfigRaw: {},
    legalComments: "none",
    plugins: [timedRecorder],
  });
  const { code } = await minify(result.outputFiles[0]!.text, {
    ecma: 2020,
    module: true,
    compress: { passes: 3, unsafe_arrows: true, pure_getters: true, drop_console: true },
  });
  return code!;
}

/**
 * The page's scripts as the browser gets them: a minified IIFE, which sets `window.WysLeap` itself (a
 * `var` from here would let a second copy overwrite the first). Whatever a browser lacks, the page sees no error.
 */
export async function bundleScript(name: keyof typeof ENTRIES, parts: Partial<Record<Part, boolean>> = {}): Promise<string> {
  if (name === "replay") return bundleModule(ENTRIES.replay);
  const chosen = { ...PARTS, ...parts };
  const result = await build({
    entryPoints: [ENTRIES[name]],
    absWorkingDir: new URL("..", import.meta.url).pathname,
    bundle: true,
    write: false,
    minifySyntax: true,
    format: "iife",
    target: "es2019",
    supported: { "dynamic-import": true },
    tsconfigRaw: {},
    legalComments: "none",
    banner: { js: "try{" },
    footer: { js: "}catch(e){}" },
    define: Object.fromEntries(Object.entries(chosen).map(([part, on]) => [`PART.${part}`, String(on)])),
  });
  // esbuild's own minifier leaves 4 % more
  const { code } = await minify(result.outputFiles[0]!.text, {
    ecma: 2019,
    compress: { passes: 4, unsafe_arrows: true, pure_getters: true, booleans_as_integers: true, toplevel: true },
    mangle: { toplevel: true },
  });
  return code!;
}

/** Resolves `#tracker` to the bundled scripts as strings, for the package's build and for tests alike. */
export function trackerModule() {
  return {
    name: "wysleap-tracker",
    resolveId(id: string) {
      return id === "#tracker" ? "\0#tracker" : undefined;
    },
    async load(id: string) {
      if (id !== "\0#tracker") return undefined;
      const [tracker, replay] = await Promise.all([bundleScript("tracker"), bundleScript("replay")]);
      return `export const trackerScript = ${JSON.stringify(tracker)};\nexport const replayScript = ${JSON.stringify(replay)};`;
    },
  };
}
