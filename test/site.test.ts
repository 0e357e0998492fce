import { describe, expect, test } from "vitest";
import { createLog } from "./http/stand-in.ts";
import { checkFound } from "../src/check-site.ts";
import type { Site, SiteSource } from "../src/site.ts";
import { createSites, planLimit } from "../src/site.ts";

const SITE: Site = { id: "shop", apiKey: "k" };

function create(source: SiteSource, deadlineMs?: number) {
  let at = 1_000_000;
  const log = createLog();
  return { sites: createSites(source, { now: () => at, reporter: log, deadlineMs, check: checkFound }), advance: (ms: number) => void (at += ms), log };
}

test("a plan is its requests per minute; without one it is the business plan", () => {
  expect([{}, { plan: "free" }, { plan: "pro" }, { plan: 7 }].map((more) => planLimit({ ...SITE, ...more } as Site))).toEqual([
    10_000, 100, 1_000, 7,
  ]);
});

test("a site of a list is found without waiting, and a name of Object's is none", () => {
  const { sites } = create([SITE]);
  expect(sites.find("shop")).toBe(SITE);
  expect(sites.find("constructor")).toBeUndefined();
  expect(sites.all).toEqual([SITE]);
});

describe("the owner's look-up", () => {
  test("is asked again for a found site after 5 seconds, for an unknown one after 60", async () => {
    const asked: string[] = [];
    const { sites, advance } = create(async (id) => {
      asked.push(id);
      return id === "shop" ? SITE : undefined;
    });
    const both = async () => [await sites.find("shop"), await sites.find("nobody")];
    expect(await both()).toEqual([SITE, undefined]);
    advance(4_999);
    await both();
    expect(asked).toEqual(["shop", "nobody"]);
    advance(1);
    await both();
    expect(asked).toEqual(["shop", "nobody", "shop"]);
    advance(55_000);
    await both();
    expect(asked.filter((id) => id === "nobody")).toHaveLength(2);
  });

  test("is asked at once when the clock was set back: neither a removed nor a new site waits for it to come round", async () => {
    let there = ["old"];
    const { sites, advance } = create(async (id) => (there.includes(id) ? { ...SITE, id } : undefined));
    expect([(await sites.find("old"))?.id, await sites.find("new")]).toEqual(["old", undefined]);
    there = ["new"];
    advance(-5 * 3_600_000);
    expect([await sites.find("old"), (await sites.find("new"))?.id]).toEqual([undefined, "new"]);
  });

  test("may answer at once, and null is unknown", () => {
    const { sites } = create((id) => (id === "shop" ? SITE : (null as never)));
    expect(sites.find("shop")).toBe(SITE);
    expect(sites.find("nobody")).toBeUndefined();
  });

  test("that hangs is a 503 at its deadline", async () => {
    const { sites, log } = create(() => new Promise(() => {}), 20);
    await expect(sites.find("shop")).rejects.toMatchObject({ code: "UNAVAILABLE", status: 503, retryAfter: 1 });
    expect(log.lines).toEqual(["error: the look-up of a site failed"]);
  });

  test.each([
    ["throws", () => { throw new Error("no database"); }],
    ["rejects", () => Promise.reject(new Error("no database"))],
  ])("that %s is a 500 whose cause is for the log", async (_how, source) => {
    const { sites } = create(source);
    const error = await Promise.resolve().then(() => sites.find("shop")).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SERVER_ERROR", cause: new Error("no database") });
  });

  describe.each<[how: string, answer: (site: unknown) => SiteSource]>([
    ["at once", (site) => () => site as Site],
    ["later", (site) => async () => site as Site],
  ])("that answers %s with a site that is none is a 500, and the field is for the log:", (_how, answer) => {
    test.each<[what: string, site: unknown, told: string]>([
      ["a number", 5, "must be an object"],
      ["a list", [SITE], "must be an object"],
      ["an empty text", "", "must be an object"],
      ["no key", { id: "shop" }, ".apiKey is missing"],
      ["another site", { ...SITE, id: "other" }, '.id is "other"; answer undefined'],
      ["a plan that does not exist", { ...SITE, plan: "gold" }, ".plan must be"],
      ["a time zone that does not exist", { ...SITE, timeZone: "Mars" }, '.timeZone is "Mars"'],
      ["origins that are a text", { ...SITE, origins: "https://x" }, ".origins must be a list"],
      ["webhooks that are no list", { ...SITE, webhooks: {} }, ".webhooks must be a list"],
    ])("%s", async (_what, site, told) => {
      const { sites, log } = create(answer(site));
      await expect(async () => sites.find("shop")).rejects.toMatchObject({ code: "SERVER_ERROR", message: "Internal server error" });
      expect(log.lines).toEqual([expect.stringContaining(`error: the look-up of a site failed: sites("shop")${told.startsWith(".") ? "" : " "}${told}`)]);
    });
  });

  test("may answer a row with further columns and nulls", () => {
    const row = { ...SITE, createdAt: 5, name: null, writeKey: null, plan: null, origins: null, requireOrigin: null, timeZone: null, webhooks: null };
    const { sites } = create(() => row as never);
    expect(sites.find("shop")).toEqual({ ...SITE, createdAt: 5 });
  });

  test("checks what it answers once a look-up, not once a hit", () => {
    let reads = 0;
    const { sites, advance } = create(() => ({ ...SITE, get name() { return String(reads++); } }));
    sites.find("shop");
    const once = reads;
    for (let hit = 0; hit < 100; hit++) sites.find("shop");
    expect(reads).toBe(once);
    advance(5_000);
    sites.find("shop");
    expect(reads).toBe(2 * once);
  });

  test("whose answer goes wrong is stood in for by the last good one", async () => {
    let plan: unknown = "pro";
    const { sites, advance } = create(async () => ({ ...SITE, plan }) as Site);
    await sites.find("shop");
    plan = "gold";
    advance(5_000);
    expect(await sites.find("shop")).toMatchObject({ plan: "pro" });
  });

  test("that fails is stood in for by its last good answer for 5 minutes, and asked at most every 5 seconds", async () => {
    let asked = 0;
    let isDown = false;
    const { sites, advance } = create(async () => {
      asked++;
      if (isDown) throw new Error("no database");
      return SITE;
    });
    await sites.find("shop");
    isDown = true;
    advance(5_000);
    expect(await sites.find("shop")).toBe(SITE);
    advance(4_999);
    expect(await sites.find("shop")).toBe(SITE);
    expect(asked).toBe(2);
    advance(290_000);
    expect(await sites.find("shop")).toBe(SITE);
    advance(5_001);
    await expect(sites.find("shop")).rejects.toMatchObject({ code: "SERVER_ERROR" });
  });

  test("runs once for all who ask for the same site, and 20 at a time: the 21st is a 503", async () => {
    let asked = 0;
    const answers: (() => void)[] = [];
    const { sites } = create((id) => {
      asked++;
      return new Promise((resolve) => answers.push(() => resolve({ ...SITE, id })));
    });
    const found = Array.from({ length: 20 }, (_, at) => sites.find(`site${at}`));
    const again = sites.find("site0");
    expect(asked).toBe(20);
    await expect(async () => sites.find("site20")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    for (const answer of answers) answer();
    expect((await Promise.all(found)).map((site) => site?.id)).toContain("site19");
    expect(await again).toMatchObject({ id: "site0" });
    const late = sites.find("site20");
    answers.at(-1)!();
    expect(await late).toMatchObject({ id: "site20" });
  });

  test("remembers 1,000 unknown ids", () => {
    const asked = new Map<string, number>();
    const { sites } = create((id) => void asked.set(id, (asked.get(id) ?? 0) + 1));
    for (let at = 0; at < 1_001; at++) sites.find(`x${at}`);
    sites.find("x1000");
    sites.find("x1");
    sites.find("x0");
    expect([asked.get("x1000"), asked.get("x1"), asked.get("x0")]).toEqual([1, 1, 2]);
  });
});
