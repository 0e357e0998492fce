import { expect, test } from "vitest";
import { parseSites, withoutEmpty } from "../../adapters/nitro-start.ts";

test("sites come as a list or as text, and text that is no JSON is not told: there are keys in it", () => {
  const sites = [{ id: "shop", apiKey: "a-secret-key" }];
  expect([parseSites(sites), parseSites(JSON.stringify(sites))]).toEqual([sites, sites]);
  expect(() => parseSites("a-secret-key")).toThrow(/^NITRO_WYSLEAP_SITES is not valid JSON; (?!.*a-secret)/);
});

test("what a config left undefined comes as an empty text, and is left out", () => {
  const given = { bots: "", privacy: { gpc: "", keepQuery: ["page"] }, sites: [{ id: "shop", apiKey: "a", writeKey: "" }], replay: false };
  expect(withoutEmpty(given)).toEqual({ privacy: { keepQuery: ["page"] }, sites: [{ id: "shop", apiKey: "a" }], replay: false });
});
