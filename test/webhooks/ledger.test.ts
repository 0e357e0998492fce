import { createStorage } from "unstorage";
import { expect, test } from "vitest";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { createLedger } from "../../src/webhooks/ledger.ts";
import { decodeRest, encodeRest, readLedgerState } from "../../src/webhooks/ledger-state.ts";
import type { Delivery } from "../../src/webhooks/payload.ts";

const lineOf = (id: string) => JSON.stringify({ id: `evt_${id}`, siteId: "shop", at: 0, visitorId: `vis_${id}` });
const draftOf = (id: string) => `[["${id}"],${lineOf(id)}]`;
/** As a segment holds it, and as it was appended. */
function owed(id: string) {
  const record = `"${id}","e","event",["${id}"]`;
  const delivery: Delivery = { id, siteId: "shop", endpoint: "e", event: "event", draft: "", at: 0, visitorId: `vis_${id}` };
  return { record, line: lineOf(id), owed: { eventId: `evt_${id}`, record, facts: `["${id}"]`, delivery } };
}
const never = () => false;

function setUp(maxHeldChars?: number) {
  const guard = createGuard(createStorage(), { reporter: silentReporter });
  const segments = new Map<number, ReturnType<typeof owed>[]>();
  const ledger = createLedger({ guard, writer: "w1", reporter: silentReporter, owedIn: async (n) => segments.get(n), maxHeldChars });
  const store = (n: number, ids: string[]) => {
    segments.set(n, ids.map(owed));
    return ledger.stored(n, ids.map(owed));
  };
  const carry = async (storedUpTo: number) => {
    for (const [n, deliveries] of segments) if (n < storedUpTo) ledger.fold("w1", n, () => deliveries);
    await ledger.carry({ storedUpTo, adopt: [], isErased: never });
    for (const n of segments.keys()) if (n < storedUpTo) segments.delete(n);
  };
  return { guard, ledger, store, carry };
}

test("payloads beyond the bound are left in storage and read from there, before and after their segment went", async () => {
  const { ledger, store, carry } = setUp(2 * draftOf("a").length);
  const deliveries = store(0, ["a", "b", "c", "d"]);
  expect(deliveries.map(({ draft }) => draft !== "")).toEqual([true, true, false, false]);
  const payloads = () => Promise.all(deliveries.map((delivery) => ledger.draftOf(delivery)));
  const expected = ["a", "b", "c", "d"].map(draftOf);
  expect(await payloads()).toEqual(expected);
  await carry(1);
  expect(await payloads()).toEqual(expected);
});

test("what is done with is not written again, and a block of which little is left is written anew", async () => {
  const { guard, ledger, store, carry } = setUp();
  const deliveries = store(0, ["a", "b", "c", "d"]);
  ledger.note(deliveries[0]!, "done");
  await carry(1);
  const blocks = () => guard.list("owed");
  const [first] = await blocks();
  expect((await readLedgerState(guard, "w1"))?.blocks).toEqual([[first, "", []]]);
  ledger.note(deliveries[1]!, { state: "waiting", attempts: 2, dueAt: 5, last: "status 500" });
  ledger.note(deliveries[2]!, "done");
  ledger.note(deliveries[3]!, "done");
  await carry(1);
  expect(await blocks()).not.toContain(first);
  expect((await readLedgerState(guard, "w1"))?.blocks).toMatchObject([[expect.any(String), "", [[0, 2, 5, "status 500"]]]]);
  ledger.note(deliveries[1]!, "done");
  await carry(1);
  expect(await blocks()).toEqual([]);
});

test("a half-written state leaves the one before it", async () => {
  const { guard, ledger, store } = setUp();
  const [one, two] = store(0, ["a", "b"]);
  ledger.note(one!, "done");
  await ledger.flush();
  ledger.note(two!, "done");
  await ledger.flush();
  const newest = await readLedgerState(guard, "w1");
  expect(newest?.from).toBe(1);
  const storage = createStorage();
  const torn = createGuard(storage, { reporter: silentReporter });
  const half = createLedger({ guard: torn, writer: "w1", reporter: silentReporter, owedIn: async () => undefined });
  const [first, second] = half.stored(0, [owed("a"), owed("b")]);
  half.note(first!, "done");
  await half.flush();
  const before = new Set(await storage.getKeys());
  half.note(second!, "done");
  await half.flush();
  for (const key of await storage.getKeys()) if (!before.has(key)) await storage.setItemRaw(key, Buffer.from("torn"));
  expect((await readLedgerState(torn, "w1"))?.segments).toEqual([[0, "0", []]]);
});

test("which are done with and how far the others are comes back as it was, whatever the pattern", () => {
  for (let bits = 0; bits < 256; bits++) {
    const live = new Map<number, { progress?: { state: "waiting"; attempts: number; dueAt: number; last: string } | { state: "dead"; attempts: number; at: number; reason: string } }>();
    for (let index = 0; index < 8; index++) {
      if (!(bits & (1 << index))) continue;
      live.set(index, index % 3 === 0 ? {} : index % 3 === 1 ? { progress: { state: "waiting", attempts: index, dueAt: 9, last: "timeout" } } : { progress: { state: "dead", attempts: 10, at: 9, reason: "too old" } });
    }
    const slots = Array.from({ length: 8 }, (_, index) => live.get(index));
    const read = decodeRest(8, JSON.parse(`[${encodeRest(slots)}]`));
    expect([...read]).toEqual([...live].map(([index, { progress }]) => [index, progress]));
  }
});
