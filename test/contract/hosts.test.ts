import { afterAll, describe, expect, it } from "vitest";
import { httpCases } from "../../src/testing/http-cases.ts";
import { brokenHosts } from "./broken-hosts.ts";
import { removeNitroBuilds } from "../fixtures/nitro.ts";
import { hosts } from "./hosts.ts";

afterAll(removeNitroBuilds);

for (const { name, create, decidedBefore = [] } of hosts) {
  describe(name, () => {
    for (const promise of httpCases) {
      const test = decidedBefore.includes(promise.name) ? it.fails : it;
      test(promise.name, () => promise.run(create));
    }
  });
}

it("only cases that exist are named as decided by a host's parser", () => {
  const names = httpCases.map((promise) => promise.name);
  expect(hosts.flatMap(({ decidedBefore = [] }) => decidedBefore).filter((name) => !names.includes(name))).toEqual([]);
});

describe("the contract catches a host that", () => {
  it.each(brokenHosts)("$defect", async ({ create, caughtBy }) => {
    const named = httpCases.find((promise) => promise.name === caughtBy);
    await expect(named?.run(create), `no case is named "${caughtBy}"`).rejects.toThrow();
  });
});
