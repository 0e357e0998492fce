import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Lower may not import higher; same level only inside one folder. */
const LAYERS: [pattern: RegExp, layer: number][] = [
  [/^src\/(event|site|errors|ids|clock|deadline|logger|profile-store|recent)\.ts$/, 0],
  [/^src\/storage\//, 1],
  [/^src\/intent\//, 2],
  [/^src\/(identity|events|rate-limit|webhooks|replay)\//, 3],
  [/^src\/ingest\//, 4],
  [/^src\/http\//, 5],
  [/^src\/(rule|options|check-site|check-options|in-process|public-api|analytics|index)\.ts$/, 6],
  [/^(adapters|src\/testing)\//, 7],
];
/** What options are made of is typed where it is used: these types may be looked up. */
const OPTION_TYPES = "src/options.ts";

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => join(folder, name).split(sep).join("/"));
}

const IMPORT = /^(?:import|export)\s+(type\s)?(?:[^;]*?\sfrom\s+)?"(\.[^"]+|wysleap[^"]*)"/gms;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(IMPORT)].map(([statement, type, target]) => ({
    from: file,
    to: target!.startsWith(".") ? relative(root, resolve(root, dirname(file), target!)).split(sep).join("/") : target!,
    typeOnly: type !== undefined || !/\{[^}]*\b(?!type\b)\w+/.test(statement.replace(/\btype \w+( as \w+)?,?/g, "")),
  }));
}

const sources = [...filesOf("src"), ...filesOf("adapters")];
const imports = [...sources, ...filesOf("tracker")].flatMap(importsOf);
const layerOf = (file: string) => LAYERS.find(([pattern]) => pattern.test(file))?.[1];
const folderOf = (file: string) => file.split("/").slice(0, -1).slice(0, 2).join("/");

test("every source file has its layer", () => {
  expect(sources.filter((file) => layerOf(file) === undefined)).toEqual([]);
});

test("an import goes only to a lower layer, or inside its own folder", () => {
  const wrong = imports.filter(({ from, to, typeOnly }) => {
    const [own, other] = [layerOf(from), layerOf(to)];
    if (own === undefined || other === undefined || from === to) return false;
    if (own === 6) return false;
    if (own === 7) return other === 7 ? folderOf(from) !== folderOf(to) : !typeOnly && to !== "src/errors.ts";
    if (to === OPTION_TYPES && typeOnly) return false;
    return !(other < own || (other === own && folderOf(from) === folderOf(to)));
  });
  expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
});

test("layer 3 knows only layers 0 and 1", () => {
  const wrong = imports.filter(({ from, to }) => layerOf(from) === 3 && layerOf(to) === 2);
  expect(wrong).toEqual([]);
});

test("nobody inside imports index.ts", () => {
  const wrong = imports.filter(({ from, to }) => to === "src/index.ts" && !from.startsWith("adapters/") && !from.startsWith("src/testing/"));
  expect(wrong).toEqual([]);
});

test("the tracker takes only types from the rest", () => {
  const wrong = imports.filter(({ from, to, typeOnly }) => from.startsWith("tracker/") && !to.startsWith("tracker/") && !typeOnly);
  expect(wrong).toEqual([]);
});

test("no import goes round in a circle", () => {
  const edges = new Map<string, string[]>();
  for (const { from, to, typeOnly } of imports) if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
  const done = new Set<string>();
  const circles: string[] = [];
  function visit(file: string, path: string[]): void {
    if (path.includes(file)) return void circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  }
  for (const file of edges.keys()) visit(file, []);
  expect(circles).toEqual([]);
});
