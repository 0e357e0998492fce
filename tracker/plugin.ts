import { build } from "esbuild";
import { minify } from "terser";
import { type Part, PARTS } from "./parts.ts";

const ENTRIES = { tracker: "tracker/index.ts" } as const;

/**
 * The page's scripts as the browser gets them: one minified IIFE each, which sets `window.WysLeap` itself (a
 * `var` from here would let a second copy overwrite the first). Whatever a browser lacks, the page sees no error.
 */
export async function bundleScript(name: keyof typeof ENTRIES, parts: Partial<Record<Part, boolean>> = {}): Promise<string> {
  const chosen = { ...PARTS, ...parts };
  const result = await build({
    entryPoints: [ENTRIES[name]],
    absWorkingDir: new URL("..", import.meta.url).pathname,
    bundle: true,
    write: false,
    minifySyntax: true,
    format: "iife",
    target: "es2019",
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
      return `export const trackerScript = ${JSON.stringify(await bundleScript("tracker"))};`;
    },
  };
}
