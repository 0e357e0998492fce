import { describe, expect, test } from "vitest";
import { createLog } from "./http/stand-in.ts";
import type { Site, SiteSource } from "../src/site.ts";
import { createSites, planLimit } from "../src/site.ts";

const SITE: Site = { id: "shop", apiKey: "k" };

function create(source: SiteSource, deadlineMs?: number) {
  let at = 1_000_000;
  const log = createLog();
  return { sites: createSites(source, { now: () => at, reporter: log, deadlineMs }), advance: (ms: number) => void (at += ms), log };
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
