import { expect, it } from "vitest";
import { DAY_MS } from "../../src/clock.ts";
import { createReplies } from "../../src/ingest/replies.ts";

it("an answer is remembered for 24 hours, for its site", async () => {
  let at = 0;
  const replies = createReplies<string>(() => at);
  replies.set("demo", "e", Promise.resolve("answer"));
  at = DAY_MS - 1;
  expect(await replies.get("demo", "e")).toBe("answer");
  expect(replies.get("other", "e")).toBeUndefined();
  at = DAY_MS;
  expect(replies.get("demo", "e")).toBeUndefined();
});

it("a failure is not remembered, and does not take a later answer with it", async () => {
  const replies = createReplies<string>(() => 0);
  let fail: (cause: Error) => void = () => {};
  const failing = new Promise<string>((_resolve, reject) => (fail = reject));
  replies.set("demo", "e", failing);
  replies.set("demo", "f", Promise.reject(new Error("down")));
  replies.set("demo", "e", Promise.resolve("second"));
  fail(new Error("down"));
  await new Promise((resolve) => setImmediate(resolve));
  expect(await replies.get("demo", "e")).toBe("second");
  expect(replies.get("demo", "f")).toBeUndefined();
});
