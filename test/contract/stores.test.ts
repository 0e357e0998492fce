import { describe, expect, test } from "vitest";
import { eventStoreCases } from "../../src/testing/event-store-cases.ts";
import { brokenStores } from "./broken.ts";
import { hasRedis, redisMissing } from "./redis.ts";
import { createRedisPlace, createStoreSubject, places } from "./stores.ts";

for (const place of places) {
  describe(`event store on ${place.name}`, () => {
    test.each(eventStoreCases)("$name", ({ run }) => run(async () => createStoreSubject(await place.create())));
  });
}

describe("event store on redis", () => {
  if (!hasRedis && process.env.CI !== "true") return test.skip(redisMissing, () => {});
  test.each(eventStoreCases)("$name", ({ run }) => run(async () => createStoreSubject(await createRedisPlace())));
});

describe("the contract catches a store that", () => {
  test.each(brokenStores)("$defect", async ({ breakStore, caughtBy }) => {
    const failed: string[] = [];
    for (const { name, run } of eventStoreCases) {
      const subject = async () => breakStore(await createStoreSubject(await places[0]!.create()));
      await run(subject).catch(() => failed.push(name));
    }
    expect(failed).toContain(caughtBy);
  });
});
