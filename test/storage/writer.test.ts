import memoryDriver from "unstorage/drivers/memory";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { createWriters, MAX_SLOTS } from "../../src/storage/writer.ts";

const START = Date.parse("2025-01-15T10:30:00Z");
beforeEach(() => void vi.useFakeTimers({ now: START, toFake: ["setTimeout", "clearTimeout", "Date", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** One storage for all, each call of which takes its own time. */
function slowStorage(seed: number) {
  let state = seed;
  const delay = (max: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return new Promise((resolve) => setTimeout(resolve, (state >>> 8) % max));
  };
  const driver = memoryDriver();
  return {
    ...driver,
    dispose: undefined,
    async getItemRaw(key: string, options: object) {
      await delay(40);
      return driver.getItemRaw!(key, options);
    },
    async setItemRaw(key: string, value: unknown, options: object) {
      await delay(40);
      return driver.setItemRaw!(key, value, options);
    },
  };
}

test.each([1, 2, 3, 4, 5])("eight processes that start at the same moment have a slot each two seconds later (%i)", async (seed) => {
  const driver = slowStorage(seed);
  const writers = Array.from({ length: 8 }, (_, n) => {
    const guard = createGuard(driver, { reporter: silentReporter });
    return createWriters({ guard, writer: `writer${n}`, now: Date.now });
  });
  const claimed = Promise.all(writers.map((one) => one.claim()));
  await vi.advanceTimersByTimeAsync(2_000);
  await claimed;
  for (const one of writers) {
    const read = one.read();
    await vi.advanceTimersByTimeAsync(200);
    expect((await read).map((slot) => slot.writer).sort()).toEqual(writers.map((_, n) => `writer${n}`));
  }
});

test("a process whose slot another wrote over, long after, has another by its next beat", async () => {
  const driver = memoryDriver();
  const guard = createGuard({ ...driver, dispose: undefined }, { reporter: silentReporter });
  const [first, second] = ["first", "second"].map((writer) => createWriters({ guard, writer, now: Date.now }));
  const soon = async (work: Promise<void>) => {
    await vi.advanceTimersByTimeAsync(100);
    await work;
  };
  await soon(first!.claim());
  const kept = await driver.getItemRaw!("slot:0000000000", {});
  await vi.advanceTimersByTimeAsync(20_000);
  await driver.removeItem!("slot:0000000000", {});
  await soon(second!.claim());
  expect(kept).toBeDefined();
  await soon(first!.beat({ checkpoint: -1, erasures: 0, known: [] }));
  expect((await second!.read()).map((slot) => slot.writer)).toEqual(["second", "first"]);
});

test("a process for which there is no slot says so, and takes the first that becomes free", async () => {
  const guard = createGuard({ ...memoryDriver(), dispose: undefined }, { reporter: silentReporter });
  const soon = async <T>(work: Promise<T>): Promise<T> => {
    await vi.advanceTimersByTimeAsync(100);
    return work;
  };
  const writers = Array.from({ length: MAX_SLOTS }, (_, n) => createWriters({ guard, writer: `writer${n}`, now: Date.now }));
  for (const one of writers) await soon(one.claim());
  let told = 0;
  const late = createWriters({ guard, writer: "late", now: Date.now, onFull: () => told++ });
  const state = { checkpoint: -1, erasures: 0, known: [] };
  await soon(late.claim());
  await soon(late.beat(state));
  expect(told).toBe(2);
  await writers[40]!.release();
  await soon(late.beat(state));
  expect(told).toBe(2);
  expect((await writers[0]!.read())[40]!.writer).toBe("late");
});

/** Two processes on one storage whose clocks are apart; `look` is what the first thinks of the second. */
async function apart(clock: () => number) {
  const guard = createGuard({ ...memoryDriver(), dispose: undefined }, { reporter: silentReporter });
  const first = createWriters({ guard, writer: "first", now: Date.now });
  const second = createWriters({ guard, writer: "second", now: clock });
  for (const one of [first, second]) {
    const claimed = one.claim();
    await vi.advanceTimersByTimeAsync(100);
    await claimed;
  }
  const look = async () => {
    const slot = (await first.read()).find(({ writer }) => writer === "second")!;
    return [first.isAlive(slot), first.isHeard("second")];
  };
  return { second, look };
}

test.each([
  ["like the others'", () => Date.now()],
  ["a minute slow", () => Date.now() - 60_000],
  ["a minute fast", () => Date.now() + 60_000],
  ["standing still", () => START + 20_000],
])("a process that says nothing for a minute is taken for dead, and one that beats is not, its clock %s", async (_, clock) => {
  const { second, look } = await apart(clock);
  for (let ms = 0; ms < 90_000; ms += 1_000) {
    if (ms % 20_000 === 0) await second.beat({ checkpoint: -1, erasures: 0, known: [] });
    expect(await look(), `${ms} ms`).toEqual([true, true]);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  await second.beat({ checkpoint: -1, erasures: 0, known: [] });
  for (let ms = 0; ms < 60_000; ms += 1_000) {
    expect(await look(), `${ms} ms of silence`).toEqual([true, true]);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await look()).toEqual([false, false]);
  await second.beat({ checkpoint: -1, erasures: 0, known: [] });
  expect(await look(), "it was only asleep").toEqual([true, true]);
});

test("when the whole machine was asleep, nobody takes the others for dead as it wakes", async () => {
  const { look } = await apart(Date.now);
  expect(await look()).toEqual([true, true]);
  await vi.advanceTimersByTimeAsync(100_000);
  expect(await look()).toEqual([true, true]);
});

test("a slot that the storage lost or damaged is written again soon", async () => {
  const driver = memoryDriver();
  const guard = createGuard({ ...driver, dispose: undefined }, { reporter: silentReporter });
  const [first, second] = ["first", "second"].map((writer) => createWriters({ guard, writer, now: Date.now }));
  const claimed = first!.claim();
  await vi.advanceTimersByTimeAsync(100);
  await claimed;
  for (const harm of [() => driver.removeItem!("slot:0000000000", {}), () => driver.setItemRaw!("slot:0000000000", Buffer.from("{"), {})]) {
    await harm();
    await vi.advanceTimersByTimeAsync(4_000);
    expect((await second!.read()).map((slot) => slot.writer)).toEqual(["first"]);
  }
});
