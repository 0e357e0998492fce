import { readFile } from "node:fs/promises";
import { build, type BuildOptions, type Plugin } from "esbuild";
import { minify } from "terser";

const root = new URL("..", import.meta.url).pathname;

async function bundleFrom(entry: string, options: BuildOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    write: false,
    format: "esm",
    target: "es2021",
    tsconfigRaw: {},
    ...options,
  });
  return outputFiles![0]!.text;
}

const bundle = (full: boolean): Promise<string> =>
  bundleFrom("tracker/index.ts", {
    minifySyntax: true,
    legalComments: "none",
    define: { SCRIPT: full ? "wysleapScript" : "document.currentScript", FULL: String(full) },
  });

/** Bundlers of apps are told in comments to leave our `import()` to the browser. */
async function shrink(code: string, module: boolean, comments = false): Promise<string> {
  // esbuild's own minifier leaves 4 % more
  const minified = await minify(code, {
    ecma: 2020,
    module,
    format: { comments: comments && /@vite-ignore|webpackIgnore/ },
    compress: { passes: 4, unsafe_arrows: true, pure_getters: true, booleans_as_integers: true, toplevel: true, inline: 1 },
    mangle: { toplevel: true },
  });
  return minified.code!;
}

/**
 * Where an order in these files means nothing, it is one that compresses well.
 *
 * The script that every page loads: one block, in which nothing is global but the `window.WysLeap` that it sets itself.
 * Whatever a browser lacks, the page sees no error.
 */
export async function bundleScript(): Promise<string> {
  const code = await shrink(await bundle(false), false);
  // a `var` would be the page's; a test looks whether there is another one
  if (!code.startsWith("var ")) throw new Error("the tracker no longer begins with its variables");
  return `try{${code.replace("var", "let")}}catch{}`;
}

/** The same with everything, as a module that exports `start(script)`: loaded by the script where a page asks for it. */
export const bundleFull = async (comments = false): Promise<string> =>
  shrink(`export const start = (wysleapScript) => { try { ${await bundle(true)} } catch {} return window.WysLeap; };`, true, comments);

/** `wysleap/tracker`: the full one with `init(options)`, to bundle into the app's own script. */
export async function bundleModule(): Promise<string> {
  const full: Plugin = {
    name: "full",
    setup(builder) {
      builder.onResolve({ filter: /^#tracker-full$/ }, () => ({ path: "full", namespace: "full" }));
      builder.onLoad({ filter: /.*/, namespace: "full" }, async () => ({ contents: await bundleFull(true) }));
    },
  };
  return shrink(await bundleFrom("tracker/module.ts", { plugins: [full] }), true, true);
}

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

/** The recorder: a module that exports `record`, imported by the tracker that a page asks to record. */
export async function bundleRecorder(): Promise<string> {
  const bundled = await bundleFrom("tracker/replay/index.ts", { minifySyntax: true, legalComments: "none", plugins: [timedRecorder] });
  const { code } = await minify(bundled, {
    ecma: 2020,
    module: true,
    compress: { passes: 3, unsafe_arrows: true, pure_getters: true, drop_console: true },
  });
  return code!;
}

/** Resolves `#tracker` to the bundled scripts as strings, and `#tracker-full` to the larger one as a module, for the package's build and for tests alike. */
export function trackerModule() {
  return {
    name: "wysleap-tracker",
    resolveId(id: string) {
      return id === "#tracker" || id === "#tracker-full" ? `\0${id}` : undefined;
    },
    async load(id: string) {
      if (id === "\0#tracker-full") return bundleFull(true);
      if (id !== "\0#tracker") return undefined;
      const scripts = { trackerScript: bundleScript(), trackerFull: bundleFull(), replayScript: bundleRecorder() };
      const lines = Object.entries(scripts).map(async ([name, text]) => `export const ${name} = ${JSON.stringify(await text)};`);
      return (await Promise.all(lines)).join("\n");
    },
  };
}
