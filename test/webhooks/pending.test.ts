import { expect, test } from "vitest";
import type { Delivery } from "../../src/webhooks/payload.ts";
import type { Entry } from "../../src/webhooks/pending.ts";
import { createPending } from "../../src/webhooks/pending.ts";
import { seeded } from "./fake-time.ts";

const delivery = (id: string): Delivery => ({ id, siteId: "shop", endpoint: "e", event: "event", draft: "{}", at: 0 });
const later = (attempts: number, dueAt: number) => ({ state: "waiting" as const, attempts, dueAt });

function filled(ids: string[]) {
  const pending = createPending();
  const entries = ids.map((id) => pending.add(delivery(id), 0) as Entry);
  return { pending, entries };
}

test("first attempts come out in the order of arrival", () => {
  const { pending } = filled(["a", "b", "c"]);
  const seen = ["a", "b", "c"].map(() => {
    const entry = pending.due(0, false) as Entry;
    pending.take(entry);
    return entry.delivery.id;
  });
  expect(seen).toEqual(["a", "b", "c"]);
  expect(pending.due(0, false)).toBeUndefined();
});

test("the same id is taken once, until it is done with", () => {
  const { pending, entries } = filled(["a"]);
  expect(pending.add(delivery("a"), 0)).toBeUndefined();
  pending.remove(entries[0] as Entry);
  expect(pending.add(delivery("a"), 0)).toBeDefined();
});

test("one that is due again goes before younger ones, one that is not due holds nobody back", () => {
  const { pending, entries } = filled(["a"]);
  const [a] = entries as [Entry];
  pending.take(a);
  pending.putBack(a, later(1, 100));
  pending.add(delivery("b"), 200);
  expect(pending.due(50, false)?.delivery.id).toBe("b");
  expect(pending.due(200, false)?.delivery.id).toBe("a");
});

test("in order, the oldest holds back the rest while it waits or is being sent", () => {
  const { pending, entries } = filled(["a", "b"]);
  const [a] = entries as [Entry];
  pending.take(a);
  expect(pending.due(0, true)).toBeUndefined();
  pending.putBack(a, later(1, 100));
  expect(pending.due(99, true)).toBeUndefined();
  expect(pending.nextDueAt(true)).toBe(100);
  expect(pending.due(100, true)).toBe(a);
  pending.remove(a);
  expect(pending.due(0, true)?.delivery.id).toBe("b");
});

test("a first attempt does not wait when the clock was set back", () => {
  const pending = createPending();
  pending.add(delivery("a"), 1_000_000);
  expect(pending.due(0, false)?.delivery.id).toBe("a");
  expect(pending.due(0, true)?.delivery.id).toBe("a");
});

test("the oldest that is not being sent is the first to go", () => {
  const { pending, entries } = filled(["a", "b", "c"]);
  pending.take(entries[0] as Entry);
  expect(pending.oldestIdle()?.delivery.id).toBe("b");
  pending.remove(entries[1] as Entry);
  expect(pending.oldestIdle()?.delivery.id).toBe("c");
});

test("over long random use it gives what a plain sorted list gives", () => {
  const random = seeded(5);
  const pending = createPending();
  const model: Entry[] = [];
  let now = 0;
  let made = 0;
  for (let step = 0; step < 20_000; step++) {
    now += Math.floor(random() * 3);
    const choice = random();
    if (choice < 0.35) model.push(pending.add(delivery(`${made++}`), now) as Entry);
    else if (choice < 0.95) {
      const ready = model.filter(({ place, progress }) => place === "fresh" || progress.dueAt <= now);
      const entry = pending.due(now, false);
      const earliest = ready.toSorted((one, other) => one.progress.dueAt - other.progress.dueAt)[0];
      expect(entry?.progress.dueAt).toBe(earliest?.progress.dueAt);
      if (!entry) continue;
      pending.take(entry);
      if (random() < 0.5) pending.putBack(entry, later(entry.progress.attempts + 1, now + Math.floor(random() * 50)));
      else {
        model.splice(model.indexOf(entry), 1);
        pending.remove(entry);
      }
    } else {
      const oldest = pending.oldestIdle();
      expect(oldest).toBe(model[0]);
      model.shift();
      if (oldest) pending.remove(oldest);
    }
    expect(pending.size).toBe(model.length);
  }
  for (const entry of model) pending.remove(entry);
  expect(pending.size).toBe(0);
  expect(pending.bytes).toBe(0);
});
