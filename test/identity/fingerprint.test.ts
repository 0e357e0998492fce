import { describe, expect, it } from "vitest";
import { fingerprintOf, createDailyIds } from "../../src/identity/fingerprint.ts";
import type { Guard } from "../../src/storage/guard.ts";

const NOON = Date.parse("2025-01-15T12:00:00Z");
const HOUR = 3_600_000;
const traits = { ip: "203.0.113.77", userAgent: "Mozilla/5.0 Firefox/133.0", language: "de" };

/** A guard over a plain map; `down` makes every call fail. */
function memoryGuard() {
  const values = new Map<string, Buffer>();
  const state = { down: false };
  async function call<T>(answer: () => T): Promise<T> {
    if (state.down) throw new Error("storage is down");
    return answer();
  }
  const guard: Guard = {
    read: (key) =>
      call(() => {
        const body = values.get(key);
        return body ? { state: "found" as const, body } : { state: "missing" as const };
      }),
    write: (key, body) => call(() => void values.set(key, Buffer.from(body))),
    remove: (key) => call(() => void values.delete(key)),
    list: (base) => call(() => [...values.keys()].filter((key) => key.startsWith(`${base}:`))),
    breaker: () => "closed", isWritable: () => true,
  };
  return { guard, values, state };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("a visitor without an id of their own", () => {
  it("has the same one all day, in every process", async () => {
    const { guard } = memoryGuard();
    let at = NOON;
    const one = createDailyIds({ guard, now: () => at });
    const other = createDailyIds({ guard, now: () => at });
    const id = await one.idOf("demo", traits);
    expect(id).toMatch(/^vis_[A-Za-z0-9_-]{22}$/);
    expect(await other.idOf("demo", traits)).toBe(id);
    at += 10 * HOUR;
    expect(one.idOf("demo", traits), "without a promise once the salt is known").toBe(id);
    expect(await one.idOf("demo", { ...traits, ip: "203.0.113.1" }), "the network counts, not the address").toBe(id);
  });

  it("asks storage once for all who come at the same time", async () => {
    const { guard } = memoryGuard();
    let reads = 0;
    const counting: Guard = { ...guard, read: (key) => (reads++, guard.read(key)) };
    const daily = createDailyIds({ guard: counting, now: () => NOON });
    const ids = await Promise.all(Array.from({ length: 20 }, () => daily.idOf("demo", traits)));
    expect([new Set(ids).size, reads]).toEqual([1, 2]);
  });

  it("differs by site, network, user agent and language", async () => {
    const daily = createDailyIds({ guard: memoryGuard().guard, now: () => NOON });
    const ids = await Promise.all([
      daily.idOf("demo", traits),
      daily.idOf("other", traits),
      daily.idOf("demo", { ...traits, ip: "203.0.114.77" }),
      daily.idOf("demo", { ...traits, userAgent: "curl/8" }),
      daily.idOf("demo", { ...traits, language: "fr" }),
    ]);
    expect(new Set(ids).size).toBe(5);
  });

  it("has a new one on the next day, and the old salt is gone", async () => {
    const { guard, values } = memoryGuard();
    let at = NOON;
    const daily = createDailyIds({ guard, now: () => at });
    const id = await daily.idOf("demo", traits);
    expect([...values.keys()]).toEqual(["salt:2025-01-15"]);
    at += 24 * HOUR;
    expect(await daily.idOf("demo", traits)).not.toBe(id);
    await settle();
    expect([...values.keys()]).toEqual(["salt:2025-01-16"]);
  });

  it("keeps no address: the salt is the only thing stored", async () => {
    const { guard, values } = memoryGuard();
    await createDailyIds({ guard, now: () => NOON }).idOf("demo", traits);
    expect(values.size).toBe(1);
    expect([...values.values()][0]).toHaveLength(32);
  });

  it("gets tomorrow's salt before midnight, so that processes do not race for it", async () => {
    const { guard, values } = memoryGuard();
    const at = Date.parse("2025-01-15T23:10:00Z");
    const daily = createDailyIds({ guard, now: () => at });
    await daily.idOf("demo", traits);
    daily.idOf("demo", traits);
    await settle();
    expect([...values.keys()].sort()).toEqual(["salt:2025-01-15", "salt:2025-01-16"]);
  });

  it("is one visitor after a few seconds when two processes started at once", async () => {
    const { guard, values } = memoryGuard();
    let at = NOON;
    const daily = createDailyIds({ guard, now: () => at });
    await daily.idOf("demo", traits);
    values.set("salt:2025-01-15", Buffer.alloc(32, 7)); // what the other process wrote a moment later
    at += 6_000;
    daily.idOf("demo", traits);
    await settle();
    const other = createDailyIds({ guard, now: () => at });
    expect(daily.idOf("demo", traits)).toBe(await other.idOf("demo", traits));
  });

  it("still has an id while storage is down, the stored salt counts once it is back, and it is told", async () => {
    const { guard, state } = memoryGuard();
    let at = NOON;
    const reports: string[] = [];
    const reporter = { report: (_level: string, kind: string) => void reports.push(kind) };
    state.down = true;
    const daily = createDailyIds({ guard, now: () => at, reporter });
    const local = await daily.idOf("demo", traits);
    expect(local).toMatch(/^vis_/);
    expect(daily.idOf("demo", traits), "the same while it is down").toBe(local);
    expect(reports).toContain("daily-salt");
    state.down = false;
    at += 31_000;
    daily.idOf("demo", traits);
    await settle();
    const healthy = createDailyIds({ guard, now: () => at });
    expect(daily.idOf("demo", traits)).toBe(await healthy.idOf("demo", traits));
  });

  it("has none when there is no address", () => {
    expect(createDailyIds({ guard: memoryGuard().guard, now: () => NOON }).idOf("demo", { ...traits, ip: "?" })).toBeUndefined();
  });

  it("sweep removes the salts of past days and nothing else", async () => {
    const { guard, values } = memoryGuard();
    for (const key of ["salt:2024-12-31", "salt:2025-01-14", "salt:2025-01-15", "salt:2025-01-16", "slot:1"]) {
      values.set(key, Buffer.alloc(32));
    }
    await createDailyIds({ guard, now: () => NOON }).sweep();
    expect([...values.keys()]).toEqual(["salt:2025-01-15", "salt:2025-01-16", "slot:1"]);
  });
});

describe("the quality of a fingerprint", () => {
  const safari = {
    screenWidth: 390, screenHeight: 844, languages: ["en"], devicePixelRatio: 3, colorDepth: 24, availWidth: 390,
    availHeight: 844, platform: "iPhone", hardwareConcurrency: 4, maxTouchPoints: 5, language: "en", timeZone: "UTC",
  };
  it("is excellent for a full browser, also one without deviceMemory", () => {
    expect(fingerprintOf(safari)).toBe("excellent");
  });
  it.each([
    [10, "excellent"], [9, "good"], [7, "good"], [6, "fair"], [4, "fair"], [3, "poor"], [1, "poor"], [0, undefined],
  ])("of %i signals is %s", (count, quality) => {
    expect(fingerprintOf(Object.fromEntries(Object.entries(safari).slice(0, count)))).toBe(quality);
  });
});
