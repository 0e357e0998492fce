import { describe, expect, it } from "vitest";
import type { DailyIds, DailyTraits } from "../../src/identity/fingerprint.ts";
import type { Consented } from "../../src/ingest/stages.ts";
import { createVisitorStep } from "../../src/ingest/visitor-step.ts";
import { event, facts, pageview, site } from "./setup.ts";

const asked: DailyTraits[] = [];
const daily: DailyIds = {
  idOf(_siteId, traits) {
    asked.push(traits);
    return traits.ip === "?" ? undefined : "vis_daily";
  },
  sweep: async () => {},
};
const step = createVisitorStep(daily);

async function identify(input = pageview(), hit: Partial<Consented> = {}, trust: "write" | "secret" | "host" = "write") {
  const consented = { ip: "203.0.113.7", userAgent: "ua", acceptLanguage: "de", private: false, ...hit } as Consented;
  const { visitorId, tier, quality } = await step(consented, { site, input, facts: facts({ trust }) });
  return { visitorId, tier, quality };
}

describe("who a visitor is", () => {
  it("is the client's id when it sends one", async () => {
    expect(await identify(pageview({ visitorId: "v", screenWidth: 1 }))).toEqual({ visitorId: "v", tier: "client", quality: "poor" });
    expect(await identify(event({ visitorId: "v" }))).toEqual({ visitorId: "v", tier: "client", quality: undefined });
  });

  it("is as sure as the host's own user when the host says so, not when a browser does", async () => {
    expect(await identify(event({ visitorId: "v", userId: "u" }), {}, "host")).toMatchObject({ visitorId: "v", tier: "user" });
    expect(await identify(event({ visitorId: "v", userId: "u" }))).toMatchObject({ visitorId: "v", tier: "client" });
    expect(await identify(event({ userId: "u" }))).toMatchObject({ visitorId: "vis_daily", tier: "daily" });
  });

  it("is one id a user and site when the host names no visitor, and the id does not tell the user", async () => {
    const one = await identify(event({ userId: "ann@example.com" }), {}, "secret");
    expect(one.tier).toBe("user");
    expect(one.visitorId).toMatch(/^vis_[A-Za-z0-9_-]{22}$/);
    expect(await identify(event({ userId: "ann@example.com" }), {}, "host")).toEqual(one);
  });

  it("is a hash of the day without any id", async () => {
    asked.length = 0;
    expect(await identify()).toMatchObject({ visitorId: "vis_daily", tier: "daily" });
    expect(asked).toEqual([{ ip: "203.0.113.7", userAgent: "ua", language: "de" }]);
  });

  it.each([{ ip: undefined }, { userAgent: undefined }, { ip: "?" }])("is a new random id when %j leaves nothing to recognise", async (hit) => {
    const [one, two] = [await identify(pageview(), hit), await identify(pageview(), hit)];
    expect(one.visitorId).toMatch(/^vis_.{16}$/);
    expect(one.tier).toBeUndefined();
    expect(two.visitorId).not.toBe(one.visitorId);
  });

  it("is only a hash of the day for a private visitor, whatever the client or host says", async () => {
    const input = pageview({ visitorId: "v", userId: "u", screenWidth: 1 });
    expect(await identify(input, { private: true }, "host")).toEqual({ visitorId: "vis_daily", tier: "daily", quality: undefined });
  });
});
