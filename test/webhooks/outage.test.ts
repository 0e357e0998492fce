import { expect, test } from "vitest";
import { HOUR_MS, MINUTE_MS } from "../../src/clock.ts";
import type { Site } from "../../src/site.ts";
import { createOutbox } from "../../src/webhooks/outbox.ts";
import { ATTEMPT_DELAYS_MS } from "../../src/webhooks/schedule.ts";
import { createFakeTime, seeded } from "./fake-time.ts";
import { raised, stored, toPayload } from "./outbox-setup.ts";

const site: Site = { id: "shop", apiKey: "k", webhooks: [{ url: "https://hooks.example/a", secret: "a secret of at least 24 characters" }] };
const BACKLOG = 10_000;

test.each([1, 24, 62])("a receiver that was down for %i hours gets everything, 10,000 within five minutes of its return, at most 50 a second", async (hours) => {
  const time = createFakeTime();
  const returnsAt = time.now() + hours * HOUR_MS;
  const deliveredAt = new Map<string, number>();
  const attemptsAt = new Map<string, number[]>();
  const firstOrder: string[] = [];
  const outbox = createOutbox({
    sites: () => site,
    async transport({ id }) {
      const attempts = attemptsAt.get(id);
      if (!attempts) firstOrder.push(id);
      attemptsAt.set(id, [...(attempts ?? []), time.now()]);
      if (time.now() < returnsAt) return { status: 500 };
      deliveredAt.set(id, time.now());
      return { status: 200 };
    },
    toPayload,
    now: time.now,
    random: seeded(hours),
    startTimer: time.startTimer,
  });
  const inOrder: string[] = [];
  for (let index = 0; index < BACKLOG; index++) {
    const owed = stored(outbox.owe(site, [raised({}, time.now())]));
    inOrder.push(owed[0]?.id ?? "");
    outbox.enqueue(owed);
    await time.advance((hours * HOUR_MS) / BACKLOG);
  }
  expect(outbox.stats()).toMatchObject({ delivered: 0, pending: BACKLOG, gaveUp: 0 });

  await time.advance(5 * MINUTE_MS);
  const waitsForItsStep = outbox.stats().pending; // those that were tried more than once wait for their own next step
  expect(BACKLOG - waitsForItsStep).toBe(deliveredAt.size);
  expect([...attemptsAt.values()].filter((attempts) => attempts.length >= 3).length).toBeGreaterThanOrEqual(waitsForItsStep);
  expect(waitsForItsStep).toBeLessThan(BACKLOG / 20);
  const seconds = new Map<number, number>();
  for (const at of deliveredAt.values()) seconds.set(Math.floor(at / 1_000), (seconds.get(Math.floor(at / 1_000)) ?? 0) + 1);
  expect(Math.max(...seconds.values())).toBeLessThanOrEqual(54); // 50 a second, and what was under way when it came back

  await time.advance(80 * HOUR_MS);
  expect(deliveredAt.size).toBe(BACKLOG);
  expect(firstOrder).toEqual(inOrder);
  for (const attempts of attemptsAt.values()) {
    for (let index = 1; index < attempts.length; index++) {
      // probing may make an attempt late, never early
      expect((attempts[index] as number) - (attempts[index - 1] as number)).toBeGreaterThanOrEqual(0.8 * (ATTEMPT_DELAYS_MS[index] as number) - 1);
    }
  }
});
