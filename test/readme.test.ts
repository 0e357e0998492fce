import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({ language, code: code! }));

test("the first two shell blocks are one line each: start the playground, run the tests", () => {
  const shell = blocks.filter(({ language }) => language === "sh").map(({ code }) => code.trim());
  expect(shell.slice(0, 2)).toEqual(["npm ci && npm start", "npm ci && npm test"]);
});

test("every TypeScript block compiles under strict", () => {
  const folder = mkdtempSync(join(root, "test", ".readme-"));
  try {
    const files = blocks.filter(({ language }) => language === "ts").map(({ code }, i) => {
      const file = join(folder, `block${i}.ts`);
      writeFileSync(file, `${code}\nexport {};\n`);
      return file;
    });
    expect(files.length).toBeGreaterThan(5);
    const program = ts.createProgram([...files, join(root, "src/http/tracker.d.ts")], {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      types: ["node"],
      paths: {
        wysleap: [join(root, "src/index.ts")],
        "wysleap/express": [join(root, "adapters/express.ts")],
        "wysleap/h3": [join(root, "adapters/h3.ts")],
        "wysleap/nitro": [join(root, "adapters/nitro.ts")],
        "wysleap/webhooks": [join(root, "src/webhooks/index.ts")],
        "wysleap/testing": [join(root, "src/testing/index.ts")],
      },
    });
    const errors = ts.getPreEmitDiagnostics(program).map((diagnostic) => {
      const line = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line;
      return `${diagnostic.file?.fileName.replace(folder, "")}:${(line ?? 0) + 1} ${ts.flattenDiagnosticMessageText(diagnostic.messageText, " ")}`;
    });
    expect(errors).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

test("every option of the table exists, and every option is in the table", () => {
  const table = readme.slice(readme.indexOf("## Options"), readme.indexOf("## HTTP API"));
  const told = new Set([...table.matchAll(/`([a-zA-Z]+)(?:[.[][^`]*)?`/g)].map(([, name]) => name));
  const source = readFileSync(join(root, "src/options.ts"), "utf8");
  const options = source.slice(source.indexOf("export interface AnalyticsOptions"));
  const names = [...options.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name]) => name!);
  expect(names.filter((name) => !told.has(name))).toEqual([]);
});

test("every route of the table is in the OpenAPI description, and the other way round", async () => {
  const { createAnalytics } = await import("../src/index.ts");
  const analytics = createAnalytics({ sites: [] });
  const api = (await (await analytics.fetch(new Request("http://localhost/openapi.json"))).json()) as { paths: Record<string, object> };
  const table = readme.slice(readme.indexOf("## HTTP API"), readme.indexOf("Errors are"));
  const told = [...table.matchAll(/\/[a-z]+[a-zA-Z/{}.]*/g)].map(([path]) => path).filter((path) => !path.startsWith("/api") && !path.startsWith("/localhost"));
  expect(Object.keys(api.paths).filter((path) => !told.includes(path))).toEqual([]);
  expect([...new Set(told)].filter((path) => !(path in api.paths) && path !== "/json")).toEqual([]);
  await analytics.close();
});
