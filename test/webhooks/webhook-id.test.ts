import { expect, test } from "vitest";
import { createWebhookIds, derivedWebhookId } from "../../src/webhooks/webhook-id.ts";
import { seeded } from "./fake-time.ts";

const FORM = /^msg_[0-9A-HJKMNP-TV-Z]{26}$/;

test("an id is msg_ and 26 characters that say when it was made", () => {
  const id = createWebhookIds(() => Date.parse("2025-01-15T10:30:00Z"), seeded(1))();
  expect(id).toMatch(FORM);
  const time = id.slice(4, 14).split("");
  const decoded = time.reduce((sum, char) => sum * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".indexOf(char), 0);
  expect(decoded).toBe(Date.parse("2025-01-15T10:30:00Z"));
});

test("ids sort in the order they were made, within one millisecond and over a clock that is set back", () => {
  const random = seeded(2);
  let now = 1_736_937_000_000;
  const next = createWebhookIds(() => now, random);
  const ids: string[] = [];
  for (let index = 0; index < 5_000; index++) {
    if (index % 7 === 0) now += Math.floor(random() * 5) - 2;
    if (index === 3_000) now -= 3_600_000;
    ids.push(next());
  }
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test("ids stay ordered when the random part of a millisecond is used up", () => {
  const next = createWebhookIds(() => 1_000, () => 1 - 2 ** -41);
  const [first = "", second = ""] = [next(), next()];
  expect(second).toMatch(FORM);
  expect(second > first).toBe(true);
});

test("two processes that start in the same millisecond make different ids", () => {
  const make = () => createWebhookIds(() => 1_736_937_000_000)();
  expect(new Set(Array.from({ length: 2_000 }, make)).size).toBe(2_000);
});

test("what two processes both notice has one id, and anything else has another", () => {
  const id = derivedWebhookId("shop", "vis_1", "identified");
  expect(id).toMatch(/^msg_[0-9a-f]{26}$/);
  expect(derivedWebhookId("shop", "vis_1", "identified")).toBe(id);
  const others = [["shop", "vis_1", "high"], ["shop", "vis_2", "identified"], ["shop2", "vis_1", "identified"], ["shopv", "is_1", "identified"]] as const;
  expect(new Set([id, ...others.map(([site, visitor, cause]) => derivedWebhookId(site, visitor, cause))]).size).toBe(5);
});

test("a derived id never changes from one release to the next", () => {
  expect(derivedWebhookId("shop", "vis_1", "identified")).toBe("msg_c5e37eed018610596f1d1fcb4d");
});
