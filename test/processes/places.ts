import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, test } from "vitest";
import { hasRedis, redisMissing, startRedis } from "../contract/redis.ts";
import { isBuilt, killAll, notBuilt } from "./worker.ts";

/** Where several processes keep their data. "broken" fails at every call. */
export type Place = { driver: "fs" | "broken"; base: string } | { driver: "redis"; base: string; port: number };

const inCi = process.env.CI === "true";
const folders: string[] = [];
let made = 0;

afterAll(() => {
  killAll(); // first those who write there
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "wysleap-processes-"));
  folders.push(folder);
  return folder;
}

/** An empty place of its own. */
export async function createPlace(driver: Place["driver"]): Promise<Place> {
  if (driver !== "redis") return { driver, base: createFolder() };
  const { port } = await startRedis();
  return { driver, base: `processes${made++}`, port };
}

/** What a suite needs and does not find is a skipped test on a developer's machine, and a failed one in CI. */
export function describeOn(drivers: Place["driver"][], name: string, suite: (driver: Place["driver"]) => void): void {
  for (const driver of drivers) {
    describe(`${name} (${driver})`, () => {
      const missing = !isBuilt ? notBuilt : driver === "redis" && !hasRedis ? redisMissing : undefined;
      if (missing && !inCi) return test.skip(missing, () => {});
      suite(driver);
    });
  }
}
