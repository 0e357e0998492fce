import { describe, expect, it } from "vitest";
import type { ProfileStore } from "../../src/profile-store.ts";
import { createHistorySteps } from "../../src/ingest/history.ts";
import type { VisitorKnowledge } from "../../src/ingest/knowledge.ts";
import type { Identified, Judged, Loaded, Written } from "../../src/ingest/stages.ts";
import { facts, memoryProfiles, NOON, pageview, site } from "./setup.ts";

const context = { site, input: pageview(), facts: facts() };
const hit = (over: Partial<Identified> = {}) => ({ visitorId: "v", at: NOON, bot: undefined, private: false, ...over }) as Identified;

function setup(over: Partial<ProfileStore<VisitorKnowledge>> = {}, countBots = false) {
  const profiles = Object.assign(memoryProfiles(), over);
  return { profiles, steps: createHistorySteps({ profiles, countBots }) };
}

describe("a visitor's history", () => {
  it("is read once for hits that arrive together, each seeing what the one before it left", async () => {
    const { profiles, steps } = setup();
    const order: string[] = [];
    const follow = async (name: string) => {
      const loaded: Loaded = await steps.load(hit(), context);
      order.push(`${name} ${loaded.before === undefined ? "new" : "known"}`);
      profiles.record({ id: name, siteId: "demo", type: "pageview", at: NOON, day: "2025-01-15", visitorId: "v", sessionId: "s", visit: 1 });
    };
    await Promise.all([follow("first"), follow("second"), follow("third")]);
    expect(order).toEqual(["first new", "second known", "third known"]);
  });

  it("in memory costs no wait", () => {
    const { profiles, steps } = setup();
    profiles.record({ id: "e", siteId: "demo", type: "pageview", at: NOON, day: "2025-01-15", visitorId: "v", sessionId: "s", visit: 1 });
    expect((steps.load(hit(), context) as Loaded).before?.visitor.pageviews).toBe(1);
  });

  it("that cannot be read fails its own hit and those that waited for the same reading, and not the next", async () => {
    let calls = 0;
    const { steps } = setup({ load: () => (++calls === 1 ? Promise.reject(new Error("down")) : Promise.resolve(undefined)) });
    const [first, second] = await Promise.allSettled([steps.load(hit(), context), steps.load(hit(), context)]);
    expect([first.status, second.status, calls]).toEqual(["rejected", "rejected", 1]);
    await expect(steps.load(hit(), context)).resolves.toMatchObject({ before: undefined });
  });

  it("is left alone by a bot, unless bots count", () => {
    const bot = hit({ bot: ["webdriver"] });
    const excluded = setup();
    expect(excluded.steps.load(bot, context)).toMatchObject({ before: undefined });
    const written = { ...bot, event: { id: "e", siteId: "demo", visitorId: "v" } } as Written;
    expect((excluded.steps.record(written, context) as Judged).knowledge).toBeUndefined();
    expect([excluded.profiles.loads, excluded.profiles.known.size]).toEqual([0, 0]);
    expect(setup({}, true).steps.load(bot, context)).toBeInstanceOf(Promise);
  });

  it("is waited for after recording when the store must look it up again", async () => {
    const known = { highEvent: "e" } as VisitorKnowledge;
    const { steps } = setup({ load: () => Promise.resolve(known), record() {} });
    expect((await steps.record({ ...hit(), event: { id: "e" } } as Written, context)).knowledge).toBe(known);
  });
});
