import { expect, test } from "vitest";
import { unavailable } from "../../src/errors.ts";
import type { StoredEvent } from "../../src/event.ts";
import { createJournal, MAX_WAITING_EVENTS } from "../../src/events/journal.ts";
import { decodeSegment, parseLines } from "../../src/events/segment.ts";
import type { Guard } from "../../src/storage/guard.ts";

const event = (id: string, siteId = "shop"): StoredEvent => ({
  id, siteId, type: "pageview", at: 1, day: "1970-01-01", visitorId: "v", sessionId: "s", visit: 1,
});

/** Writes wait until they are let through or failed by the test. */
function createDesk() {
  const waiting: { key: string; body: string; done(): void; fail(): void }[] = [];
  const guard: Guard = {
    write: (key, body) =>
      new Promise((resolve, reject) => {
        waiting.push({ key, body: String(body), done: resolve, fail: () => reject(unavailable("down")) });
      }),
    read: async () => ({ state: "missing" }),
    remove: async () => {},
    list: async () => [],
    breaker: () => "open", isWritable: () => false, // no second try within one write
  };
  const stored: string[][] = [];
  const refused: string[] = [];
  const journal = createJournal({ guard, writer: "w1", onStored: (_, events) => stored.push(events.map(({ id }) => id)), onRefused: (events) => refused.push(...events.map(({ id }) => id)) });
  return { journal, waiting, stored, refused };
}

/** Long enough for the journal to begin its next segment. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 10));

test("an event is acknowledged when its segment is stored, not before", async () => {
  const { journal, waiting } = createDesk();
  let acknowledged = false;
  const appended = journal.append({ events: [event("a")] }).then(() => (acknowledged = true));
  await turn();
  expect([acknowledged, journal.stats().unflushed]).toEqual([false, 1]);
  waiting[0]!.done();
  await appended;
  expect([acknowledged, journal.stats().unflushed, journal.next()]).toEqual([true, 0, 1]);
});

test("what arrives while a segment is written goes into the next, all together", async () => {
  const { journal, waiting, stored } = createDesk();
  const all = [journal.append({ events: [event("a")] })];
  await turn();
  all.push(journal.append({ events: [event("b")] }), journal.append({ events: [event("c", "blog")] }));
  waiting[0]!.done();
  await turn();
  expect(waiting.map(({ key }) => key)).toEqual(["journal:w1_0000000000", "journal:w1_0000000001"]);
  waiting[1]!.done();
  await Promise.all(all);
  expect(stored).toEqual([["a"], ["b", "c"]]);
  const { sites } = decodeSegment(Buffer.from(waiting[1]!.body));
  expect(sites.map(({ siteId, count, lines }) => [siteId, count, parseLines(lines)[0]!.id])).toEqual([["shop", 1, "b"], ["blog", 1, "c"]]);
});

test("a delivery lies in the same segment as its event", async () => {
  const { journal, waiting } = createDesk();
  void journal.append({ events: [event("before", "blog"), event("other")] });
  const appended = journal.append({ events: [event("a"), event("b")], deliveries: [{ eventId: "b", record: '"x,y",[1]' }] });
  await turn();
  waiting[0]!.done();
  await appended;
  expect(decodeSegment(Buffer.from(waiting[0]!.body)).owed()).toEqual([{ record: '"x,y",[1]', line: JSON.stringify(event("b")) }]);
});

test("a segment that could not be written is refused, and written again with the same bytes before any other", async () => {
  const { journal, waiting, stored } = createDesk();
  const first = journal.append({ events: [event("a")] });
  await turn();
  waiting[0]!.fail();
  await expect(first).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const second = journal.append({ events: [event("b")] });
  await turn();
  expect([waiting[1]!.key, waiting[1]!.body]).toEqual([waiting[0]!.key, waiting[0]!.body]);
  waiting[1]!.done();
  await turn();
  waiting[2]!.done();
  await second;
  expect([stored, waiting[2]!.key]).toEqual([[["a"], ["b"]], "journal:w1_0000000001"]);
});

test("who waits behind a failed segment is refused too, and leaves no trace", async () => {
  const { journal, waiting, stored, refused } = createDesk();
  const first = journal.append({ events: [event("a")] });
  await turn();
  const second = journal.append({ events: [event("b")] });
  waiting[0]!.fail();
  await expect(Promise.all([first, second])).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(second).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(journal.stats().unflushed).toBe(1);
  expect(refused).toEqual(["b"]); // the first may land yet
  const drained = journal.drain();
  await turn();
  waiting[1]!.done();
  await drained;
  expect([stored, journal.stats().unflushed]).toEqual([[["a"]], 0]);
});

test("no more waits than the bound: the next event is refused, and taken again once there is room", async () => {
  const { journal, waiting, refused } = createDesk();
  const many = (count: number, name: string) => Array.from({ length: count }, (_, i) => event(`${name}${i}`));
  const full = journal.append({ events: many(MAX_WAITING_EVENTS - 1, "a") });
  const last = journal.append({ events: [event("last")] });
  await expect(journal.append({ events: [event("over")] })).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfter: 1 });
  expect(refused).toEqual(["over"]);
  await turn();
  waiting[0]!.done();
  await Promise.all([full, last]);
  const taken = journal.append({ events: [event("after")] });
  await turn();
  waiting[1]!.done();
  await taken;
});

test("draining what cannot be stored says so", async () => {
  const { journal, waiting } = createDesk();
  const appended = journal.append({ events: [event("a")] });
  await turn();
  waiting[0]!.fail();
  await appended.catch(() => {});
  const drained = journal.drain();
  await turn();
  waiting[1]!.fail();
  await expect(drained).rejects.toThrow("1 events could not be stored");
});
