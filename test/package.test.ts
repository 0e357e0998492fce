import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  exports: Record<string, { default: string; types: string } | string>;
  dependencies: Record<string, string>;
};
const entries = Object.keys(manifest.exports).filter((path) => path !== "./package.json");
const isBuilt = existsSync(join(root, "dist/index.mjs"));

test("exports, build entries and README tell of the same import paths", () => {
  const build = readFileSync(join(root, "build.config.ts"), "utf8");
  for (const path of entries) {
    const name = path === "." ? "index" : path.slice(2);
    expect(manifest.exports[path]).toEqual({ types: `./dist/${name}.d.mts`, default: `./dist/${name}.mjs` });
    expect(build, `build.config.ts has no entry for ${path}`).toMatch(new RegExp(`"src/${name}"|name: "${name}"`));
    expect(readFileSync(join(root, "README.md"), "utf8")).toContain(`"wysleap${path.slice(1)}"`);
  }
});

test("every adapter has its entry", () => {
  const adapters = readdirSync(join(root, "adapters")).map((file) => file.replace(/\.ts$/, ""));
  const missing = adapters.filter((name) => !entries.includes(`./${name}`) && !/^nitro-(v\d|start)$/.test(name));
  expect(missing).toEqual([]);
});

test("at most 8 dependencies, none of which runs a script when it is installed", () => {
  const names = Object.keys(manifest.dependencies);
  expect(names.length).toBeLessThanOrEqual(8);
  for (const name of names) {
    const { scripts = {} } = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as { scripts?: Record<string, string> };
    expect([name, scripts.install, scripts.postinstall, scripts.preinstall]).toEqual([name, undefined, undefined, undefined]);
  }
});

const describeBuilt = isBuilt || process.env.CI === "true" ? describe : describe.skip;

describeBuilt("the packed tarball, in an empty folder", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "wysleap-package-"));
    const [packed] = JSON.parse(execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], { cwd: root, encoding: "utf8" })) as { filename: string }[];
    const target = join(folder, "node_modules/wysleap");
    mkdirSync(target, { recursive: true });
    execFileSync("tar", ["-xzf", join(folder, packed!.filename), "-C", target, "--strip-components=1"]);
    // what an install would bring: the declared dependencies, and what this app itself uses
    for (const name of [...Object.keys(manifest.dependencies), "express", "h3", "typescript", "@types/node", "@types/express"]) {
      mkdirSync(dirname(join(folder, "node_modules", name)), { recursive: true });
      symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
    }
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (file: string, source: string) => {
    writeFileSync(join(folder, file), source);
    return spawnSync(process.execPath, ["--unhandled-rejections=strict", file], { cwd: folder, encoding: "utf8", timeout: 20_000 });
  };

  test.each(entries.filter((path) => path !== "./nitro"))("importing wysleap%s says nothing, does nothing and lets the process end", (path) => {
    const { status, stdout, stderr } = run("import.mjs", `
      const before = JSON.stringify([Object.keys(globalThis), process.env, Object.getOwnPropertyNames(Object.prototype)]);
      await import("wysleap${path.slice(path === "." ? 1 : 1)}");
      if (JSON.stringify([Object.keys(globalThis), process.env, Object.getOwnPropertyNames(Object.prototype)]) !== before) process.exit(3);
    `);
    expect([status, stdout, stderr]).toEqual([0, "", ""]);
  });

  test("a plain JavaScript Express app counts a pageview, silently, and ends by itself", () => {
    const { status, stdout, stderr } = run("app.mjs", `
      import express from "express";
      import { createAnalytics } from "wysleap";
      import { wysleap } from "wysleap/express";
      const analytics = createAnalytics({ sites: [{ id: "shop", apiKey: "a-secret-key-of-the-shop-0000" }] });
      const app = express().use("/api", wysleap(analytics));
      const server = app.listen(0, "127.0.0.1", async () => {
        const base = "http://127.0.0.1:" + server.address().port + "/api";
        const headers = { "content-type": "application/json", "x-api-key": "a-secret-key-of-the-shop-0000" };
        await fetch(base + "/telemetry/pageview", { method: "POST", headers, body: JSON.stringify({ siteId: "shop", pageUrl: "https://shop.example/" }) });
        const report = await (await fetch(base + "/visitors/shop", { headers })).json();
        const script = await (await fetch(base + "/tracker.js")).text();
        console.log(report.site.totalPageviews, report.uniqueVisitors, script.length > 1000);
        server.close(); // without analytics.close(): nothing of ours keeps the process
        server.closeAllConnections();
      });
    `);
    expect([stderr, stdout.trim(), status]).toEqual(["", "1 1 true", 0]);
  });

  test("strict TypeScript accepts it, with declarations checked, in both module resolutions that Node users have", () => {
    writeFileSync(join(folder, "app.ts"), `
      import express from "express";
      import { createAnalytics, AnalyticsError, type VisitorsAnswer, type EventStore } from "wysleap";
      import { wysleap } from "wysleap/express";
      import { wysleap as forH3 } from "wysleap/h3";
      import { verifyWebhook } from "wysleap/webhooks";
      import { eventStoreCases } from "wysleap/testing";
      import { H3 } from "h3";
      const analytics = createAnalytics({ sites: [{ id: "shop", apiKey: "k" }], logger: console });
      express().use("/api", wysleap(analytics));
      new H3().mount("/api", forH3(analytics));
      const answer: VisitorsAnswer = await analytics.getVisitors("shop");
      const level: "low" | "medium" | "high" | undefined = answer.visitors[0]?.intentScore.level;
      for await (const event of analytics.exportEvents("shop")) event.id satisfies string;
      const store: EventStore | undefined = undefined;
      export { level, store, AnalyticsError, verifyWebhook, eventStoreCases };
      // @ts-expect-error a site needs a key
      createAnalytics({ sites: [{ id: "shop" }] });
    `);
    for (const [module, resolution] of [["NodeNext", "NodeNext"], ["ESNext", "Bundler"]]) {
      const { status, stdout } = spawnSync(process.execPath, [
        join(root, "node_modules/typescript/bin/tsc"), "--noEmit", "--strict", "--target", "ES2022", "--module", module!,
        "--moduleResolution", resolution!, "--skipLibCheck", "false", "--types", "node", "--lib", "ES2023,DOM,DOM.Iterable", "app.ts",
      ], { cwd: folder, encoding: "utf8" });
      expect([resolution, stdout.split("\n").filter((line) => /wysleap|app\.ts/.test(line)).join("\n")]).toEqual([resolution, ""]);
      expect(status === 0 || !stdout.includes("wysleap")).toBe(true);
    }
  }, 120_000);
});
