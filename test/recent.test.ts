import { expect, it } from "vitest";
import { createRecent } from "../src/recent.ts";

it("never holds more than its bound and always the newest half of it", () => {
  const recent = createRecent<number>(100);
  for (let i = 0; i < 1_000; i++) {
    recent.set(`k${i}`, i);
    expect(recent.size()).toBeLessThanOrEqual(100);
    for (let back = 0; back < 50 && back <= i; back++) expect(recent.get(`k${i - back}`)).toBe(i - back);
  }
});

it("forgets what was not used, not what was", () => {
  const recent = createRecent<number>(10);
  recent.set("used", 1);
  recent.set("unused", 2);
  for (let i = 0; i < 50; i++) {
    recent.set(`k${i}`, i);
    expect(recent.get("used")).toBe(1);
  }
  expect(recent.get("unused")).toBeUndefined();
});

it("holds what is used again once", () => {
  const recent = createRecent<number>(4);
  for (const key of ["a", "b", "c"]) recent.set(key, 1);
  recent.get("a");
  expect(recent.size()).toBe(3);
  const full = createRecent<number>(4);
  for (const key of ["a", "b", "a"]) full.set(key, 1);
  expect(full.size()).toBe(2);
});

it("replaces and deletes", () => {
  const recent = createRecent<number>(4);
  for (const key of ["a", "b", "c"]) recent.set(key, 1);
  recent.set("a", 2);
  expect([recent.get("a"), recent.size()]).toEqual([2, 3]);
  recent.delete("a");
  recent.delete("c");
  expect([recent.get("a"), recent.get("b"), recent.get("c")]).toEqual([undefined, 1, undefined]);
});
