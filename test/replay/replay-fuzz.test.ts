import { expect, it } from "vitest";
import { createAnalytics } from "../../src/analytics.ts";

const WRITE = "write-key-of-the-shop-00000";
const SEED = 20_260_124;
const RECORDINGS = 1_000;
const MAX_GROWTH_BYTES = 80 * 1024 * 1024;

/** mulberry32: the same recordings each time. */
function createRandom(seed: number) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = createRandom(SEED);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const upTo = (max: number) => Math.floor(random() * max);
const ODD = [null, true, -1, 1e308, 2 ** 53, 0.5, "", "\u0000", "\ud800", "__proto__", "javascript:alert(1)", [], {}, "x".repeat(3_000), [[[[[]]]]]];

/** JSON texts nested deeper than any stack. */
const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

function node(depth: number): unknown {
  if (random() < 0.1) return pick(ODD);
  const childNodes = depth > 0 ? Array.from({ length: upTo(4) }, () => node(depth - 1)) : [];
  return { type: pick([0, 1, 2, 3, 4, 5, 9, "2"]), id: pick([upTo(50), -1, "1", null]), tagName: pick(["div", "script", "iframe", "", 7]), attributes: pick([{}, { onclick: "x", src: "http://evil.example/" }, null, 5, []]), childNodes: pick([childNodes, childNodes, null, "x"]), textContent: pick(ODD) };
}

function event(): string {
  const kind = random();
  if (kind < 0.05) return pick(["", "{", "null", "[]", "7", '"x"', "{}", '{"type":3}', deep(5_000), deep(100_000), '{"type":2,"timestamp":1e999}']);
  const data = pick([
    () => ({ href: pick(["https://shop.example/a", "javascript:x", "", 5]), width: pick([1, -1, 1e9, "x"]), height: 1 }),
    () => ({ node: node(6), initialOffset: pick([{ left: 0, top: 0 }, null, 3]) }),
    () => ({ source: pick([0, 1, 2, 3, 5, 8, 9, 13, 15, 99, "0", -1]), adds: pick([[{ parentId: 1, nextId: null, node: node(3) }], null, 4]), texts: pick([[], [null], "x"]), attributes: pick([[], [{ id: 1, attributes: null }], {}]), removes: pick([[], [3], null]) }),
    () => pick(ODD),
  ])();
  return JSON.stringify({ type: pick([0, 1, 2, 3, 4, 5, 6, 7, -1, "4", null]), data, timestamp: pick([Date.now(), Date.now() - upTo(1e6), 0, 4e12, -1, "now", null]) });
}

function recording(at: number): string {
  const body: Record<string, unknown> = { siteId: "shop", visitorId: `vis_${at % 50}`, sessionId: `sess_${at % 100}`, tab: `t${at % 3}`, seq: upTo(20), sentAt: Date.now(), events: Array.from({ length: 1 + upTo(20) }, event) };
  if (random() < 0.3) body[pick(Object.keys(body).slice(1))] = pick(ODD);
  if (random() < 0.02) body["events"] = Array.from({ length: 10_001 }, () => "{}");
  const text = JSON.stringify(body);
  return random() < 0.1 ? text.slice(0, upTo(text.length)) : text;
}

it(`${RECORDINGS} forged recordings get a documented answer each, memory stays bounded, and a real one between them is kept`, { timeout: 120_000 }, async () => {
  const analytics = createAnalytics({ sites: [{ id: "shop", apiKey: "secret-key-of-the-shop-0000", writeKey: WRITE }], replay: { sessionsPerVisitor: 1_000 }, rateLimit: { perNetwork: 1_000_000 } });
  const post = async (body: string) => {
    const answer = await analytics.fetch(new Request("http://x/telemetry/replay", { method: "POST", headers: { "x-api-key": WRITE }, body }));
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const before = process.memoryUsage().heapUsed;
  const statuses = new Map<number, number>();
  const wrong: object[] = [];
  for (let at = 0; at < RECORDINGS; at++) {
    const sent = recording(at);
    const { status, body } = await post(sent);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const isDocumented = status === 200 ? typeof body["accepted"] === "boolean" : [400, 401, 404, 413].includes(status) && typeof body["error"] === "string" && typeof body["code"] === "string";
    if (!isDocumented) wrong.push({ status, body, sent: sent.slice(0, 300) });
    if (at % 100 === 0) {
      const events = [JSON.stringify({ type: 4, data: { href: "https://shop.example/", width: 1, height: 1 }, timestamp: Date.now() })];
      expect((await post(JSON.stringify({ siteId: "shop", visitorId: "vis_real", sessionId: `real_${at}`, seq: 0, events }))).body).toMatchObject({ accepted: true });
    }
  }
  expect(wrong).toEqual([]);
  // both ways happen: what is a recording is kept, what is none refused
  expect(statuses.get(200)).toBeGreaterThan(10);
  expect(statuses.get(400)).toBeGreaterThan(100);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(MAX_GROWTH_BYTES);
  expect({}).not.toHaveProperty("onclick");
  for (const { sessionId } of (await analytics.getReplays("shop", { limit: 1_000 })).replays) {
    for await (const line of (await analytics.readReplay("shop", sessionId))!) expect(line).not.toMatch(/"onclick"|javascript:/);
  }
  await analytics.close();
});
