import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { describe, expect, it } from "vitest";
import { DAY_MS, MINUTE_MS } from "../../src/clock.ts";
import { silentReporter } from "../../src/logger.ts";
import { decodeLines } from "../../src/replay/chunk.ts";
import type { ReplayWorth } from "../../src/replay/recording.ts";
import { type Chunk, createReplayStore } from "../../src/replay/replay-store.ts";
import { createGuard } from "../../src/storage/guard.ts";

const START = Date.UTC(2025, 0, 15, 10);
const worth = (more: Partial<ReplayWorth> = {}): ReplayWorth => ({ score: 10, level: "low", identified: false, converted: false, ...more });

/** A line that no compression makes small. */
function noise(bytes: number, at = START): string {
  let text = "";
  while (text.length < bytes) text += Math.random().toString(36).slice(2);
  return JSON.stringify({ type: 3, data: { source: 0, text: text.slice(0, bytes) }, timestamp: at });
}

function setup(options: { budgetBytes?: number; storage?: ReturnType<typeof createStorage>; at?: number } = {}) {
  const storage = options.storage ?? createStorage({ driver: memoryDriver() });
  const clock = { at: options.at ?? START };
  const guard = createGuard(storage, { reporter: silentReporter });
  const store = createReplayStore({
    guard, now: () => clock.at, reporter: silentReporter,
    budgetBytes: options.budgetBytes ?? 1024 ** 3, retentionMs: 30 * DAY_MS, sessionsPerVisitor: 2,
  });
  const chunk = (sessionId: string, seq: number, more: Partial<Chunk> = {}): Chunk => ({
    siteId: "shop", first: clock.at, last: clock.at, sessionId, visitorId: `vis_${sessionId}`, tab: "a", seq, pages: seq === 0 ? ["https://shop.example/"] : [], actions: 3,
    lines: [`{"type":4,"data":{},"timestamp":${START + seq}}`], worth: worth(), ...more,
  });
  const storedBytes = async () => {
    let bytes = 0;
    for (const key of await storage.getKeys("replay:")) bytes += ((await storage.getItemRaw(key)) as Buffer).length - 12;
    return bytes;
  };
  return { storage, clock, guard, store, chunk, storedBytes };
}

const read = async (lines: AsyncIterable<string> | undefined) => {
  const all: string[] = [];
  for await (const line of lines ?? []) all.push(line);
  return all;
};

describe("recordings", () => {
  it("are read back in the recorder's order, whatever order the chunks came in, each once, and a gap is told of", async () => {
    const { store, chunk } = setup();
    for (const seq of [3, 0, 1, 0, 3]) expect((await store.append(chunk("s1", seq))).accepted).toBe(true);
    expect(await store.append(chunk("s1", 1))).toEqual({ accepted: true, duplicate: true });
    const lines = (await read(await store.read("shop", "s1"))).map((line) => JSON.parse(line));
    expect(lines.map((line) => line.data.payload?.gap ?? line.timestamp - START)).toEqual([0, 1, 1, 3]);
    expect(await store.read("shop", "unknown")).toBeUndefined();
    expect(await store.read("other", "s1")).toBeUndefined();
  });

  it("keep the tabs of a session apart", async () => {
    const { store, chunk, clock } = setup();
    await store.append(chunk("s1", 0));
    clock.at += 1;
    await store.append(chunk("s1", 0, { tab: "b", lines: [`{"type":4,"data":{},"timestamp":7}`] }));
    const [recording] = await store.list("shop");
    expect(Object.keys(recording!.tabs)).toHaveLength(2);
    expect(await read(await store.read("shop", "s1", Object.keys(recording!.tabs)[1]))).toEqual([`{"type":4,"data":{},"timestamp":7}`]);
  });

  it("of one visitor are two in 24 hours, and none takes another visitor's chunks", async () => {
    const { store, chunk, clock } = setup();
    const mine = { visitorId: "vis_1" };
    await store.append(chunk("s1", 0, mine));
    await store.append(chunk("s2", 0, mine));
    expect(await store.append(chunk("s3", 0, mine))).toEqual({ accepted: false, reason: "visitor_limit" });
    expect(await store.append(chunk("s1", 1, { visitorId: "vis_2" }))).toEqual({ accepted: false, reason: "other_visitor" });
    clock.at += DAY_MS + 1;
    expect((await store.append(chunk("s3", 0, mine))).accepted).toBe(true);
  });

  it("last at most 60 minutes and take at most 20 MB", async () => {
    const { store, chunk, clock } = setup();
    await store.append(chunk("s1", 0));
    clock.at += 60 * MINUTE_MS;
    expect((await store.append(chunk("s1", 1))).accepted).toBe(true);
    clock.at += 1;
    expect(await store.append(chunk("s1", 2))).toEqual({ accepted: false, reason: "session_full" });
    const big = noise(7 * 1024 * 1024);
    const answers = [];
    for (let seq = 0; seq < 5; seq++) answers.push((await store.append(chunk("s2", seq, { lines: [big] }))).accepted);
    expect([answers[0], answers.at(-1)]).toEqual([true, false]);
    expect((await store.list("shop"))[0]!.bytes).toBeLessThanOrEqual(20 * 1024 * 1024);
  });

  it("begin and end with their events, of whatever chunk and writer, and last no longer than they may", async () => {
    const { store, chunk, clock, storage } = setup();
    await store.append(chunk("s1", 0, { first: START - 5_000, last: START - 2_000 }));
    clock.at += 40 * MINUTE_MS;
    await store.append(chunk("s1", 0, { tab: "b", first: START - 60_000, last: START + 1_000 }));
    expect(await store.list("shop")).toMatchObject([{ first: START - 60_000, last: START + 1_000 }]);
    await store.close();
    const other = setup({ storage, at: clock.at });
    await other.store.append(other.chunk("s1", 1, { first: START, last: START + 90 * MINUTE_MS }));
    expect(await other.store.list("shop")).toMatchObject([{ first: START - 60_000, last: START + 59 * MINUTE_MS }]);
  });

  it("stay within the site's bytes while ten times as much comes, and those worth most are left", async () => {
    const budgetBytes = 1_000_000;
    const { store, chunk, clock, storedBytes } = setup({ budgetBytes });
    const sent: { id: string; rank: number }[] = [];
    const kinds: [number, Partial<Chunk>][] = [
      [0, { actions: 0, worth: worth({ score: 0 }) }],
      [1, { worth: worth({ score: 20 }) }],
      [2, { worth: worth({ score: 80, level: "high" }) }],
      [3, { worth: worth({ score: 60, identified: true }) }],
      [4, { worth: worth({ score: 90, level: "high", identified: true, converted: true }) }],
    ];
    let most = 0;
    // of 400 sessions of 26 KB, 10.4 MB one in twenty is of each better kind
    for (let n = 0; n < 400; n++) {
      const [rank, more] = kinds[n % 20 < 3 ? 2 + (n % 20) : n % 2]!;
      const id = `s${n}`;
      sent.push({ id, rank });
      await store.append(chunk(id, 0, { ...more, lines: [noise(40_000)] }));
      clock.at += MINUTE_MS;
      if (n % 10 === 0) most = Math.max(most, await storedBytes());
    }
    expect(most).toBeLessThanOrEqual(budgetBytes);
    expect(await storedBytes()).toBeGreaterThan(budgetBytes * 0.9);
    const left = new Set((await store.list("shop")).map(({ sessionId }) => sessionId));
    const survivors = sent.filter(({ id }) => left.has(id));
    const lost = sent.slice(0, -6).filter(({ id }) => !left.has(id));
    const count = (list: typeof sent, rank: number) => list.filter((one) => one.rank === rank).length;
    // all 20 who converted, and then the next best; the idle ones are gone
    expect(count(survivors, 4)).toBe(20);
    const worstKept = Math.min(...survivors.filter(({ id }) => Number(id.slice(1)) < 394).map(({ rank }) => rank));
    expect(Math.max(...lost.map(({ rank }) => rank))).toBeLessThanOrEqual(worstKept);
    expect(count(survivors, 0)).toBeLessThanOrEqual(6);
  });

  it("of an erased visitor are in no stored value, and later chunks of them are refused", async () => {
    const { store, chunk, storage } = setup();
    await store.append(chunk("s1", 0, { visitorId: "vis_secret" }));
    await store.append(chunk("s2", 0));
    await store.close();
    await store.erase("shop", "vis_secret");
    await store.close();
    const values = await Promise.all((await storage.getKeys()).map((key) => storage.getItemRaw(key) as Promise<Buffer>));
    const texts = await Promise.all(values.map(async (value) => value.toString("latin1") + (await inflated(value))));
    expect(texts.filter((text) => text.includes("vis_secret"))).toEqual([]);
    expect(texts.some((text) => text.includes("vis_s2"))).toBe(true);
    expect(await store.append(chunk("s1", 1, { visitorId: "vis_secret" }))).toEqual({ accepted: false, reason: "gone" });
  });

  it("are found by another process, and after a crash that wrote no index", async () => {
    const { store, chunk, storage } = setup();
    await store.append(chunk("s1", 0));
    await store.append(chunk("s1", 1));
    // no close: what follows knows only what is stored
    const after = setup({ storage, at: START + 2 * MINUTE_MS });
    const [recording] = await after.store.list("shop");
    expect([recording!.sessionId, recording!.actions, recording!.pages]).toEqual(["s1", 6, 1]);
    expect(await read(await after.store.read("shop", "s1"))).toHaveLength(2);
  });

  it("are removed 30 days after their end, and a removal that was cut off is finished", async () => {
    const { store, chunk, clock, storage, guard } = setup();
    await store.append(chunk("s1", 0));
    await store.append(chunk("s1", 1));
    await store.close();
    const [kept] = await storage.getKeys("replay:");
    const held = await guard.read(kept!);
    clock.at += 30 * DAY_MS + 1;
    await store.sweep();
    expect(await storage.getKeys("replay:")).toEqual([]);
    // as if the process had ended before this one was removed
    await guard.write(kept!, (held as { body: Buffer }).body);
    await store.sweep();
    expect(await storage.getKeys("replay:")).toEqual([]);
    expect(await store.list("shop")).toEqual([]);
  });
});

async function inflated(value: Buffer): Promise<string> {
  const body = value.subarray(12);
  const { inflateRawSync } = await import("node:zlib");
  for (const read of [() => inflateRawSync(body).toString(), async () => (await decodeLines(body)).join("\n")]) {
    try {
      return await read();
    } catch {
      // the other kind
    }
  }
  return "";
}
