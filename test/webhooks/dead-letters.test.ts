import { expect, test } from "vitest";
import { createDeadLetters, DEAD_LETTER_AGE_MS, MAX_DEAD_LETTER_BYTES, MAX_DEAD_LETTERS } from "../../src/webhooks/dead-letters.ts";

let now = 0;
const letter = (id: string, { siteId = "shop", endpoint = "e", draft = "{}" } = {}) => ({
  delivery: { id, siteId, endpoint, event: "event", draft, at: 0 },
  reason: "status 500",
  attempts: 10,
  at: now,
});
const ids = (letters: { delivery: { id: string } }[]) => letters.map(({ delivery }) => delivery.id);

test("a site sees its own, newest first", () => {
  const letters = createDeadLetters(() => now);
  for (const [id, siteId] of [["a", "shop"], ["b", "blog"], ["c", "shop"]] as const) letters.add(letter(id, { siteId }));
  expect(ids(letters.list("shop"))).toEqual(["c", "a"]);
});

test("they are kept for 30 days", () => {
  const letters = createDeadLetters(() => now);
  letters.add(letter("a"));
  now += DEAD_LETTER_AGE_MS - 1;
  expect(ids(letters.list("shop"))).toEqual(["a"]);
  now += 1;
  expect(ids(letters.list("shop"))).toEqual([]);
});

test("beyond 1,000 of them or 16 MiB the oldest go", () => {
  const letters = createDeadLetters(() => now);
  for (let index = 0; index <= MAX_DEAD_LETTERS; index++) letters.add(letter(`${index}`));
  expect(letters.list("shop")).toHaveLength(MAX_DEAD_LETTERS);
  expect(ids(letters.list("shop")).at(-1)).toBe("1");
  const half = "x".repeat(MAX_DEAD_LETTER_BYTES / 2);
  for (const id of ["big1", "big2"]) letters.add(letter(id, { draft: half }));
  expect(ids(letters.list("shop"))).toEqual(["big2", "big1"]);
  letters.add(letter("one byte too many", { draft: "x" }));
  expect(ids(letters.list("shop"))).toEqual(["one byte too many", "big2"]);
});

test("taking one takes it for every endpoint, and only once", () => {
  const letters = createDeadLetters(() => now);
  for (const endpoint of ["one", "two"]) letters.add(letter("a", { endpoint }));
  expect(letters.take("blog", "a")).toEqual([]);
  expect(letters.take("shop", "a").map(({ delivery }) => delivery.endpoint)).toEqual(["one", "two"]);
  expect(letters.take("shop", "a")).toEqual([]);
});
