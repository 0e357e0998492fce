import { expect, it } from "vitest";
import type { Witnessed } from "../../src/ingest/stages.ts";
import { createAgentStep, parseAgent } from "../../src/ingest/user-agent.ts";
import { CHROME, GOOGLEBOT } from "./setup.ts";

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
const IPAD = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
const ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";
const TV = "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/2.1 Chrome/56.0.2924.0 TV Safari/537.36";

it.each([
  [CHROME, "Chrome", "Windows", "desktop", false],
  [IPHONE, "Safari", "iOS", "mobile", false],
  [IPAD, "Safari", "iOS", "tablet", false],
  [ANDROID, "Chrome", "Android", "mobile", false],
  [TV, "Samsung Internet", "Tizen", "other", false],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox", "Linux", "desktop", false],
  [GOOGLEBOT, undefined, undefined, "desktop", true],
  ["curl/8.5.0", undefined, undefined, "desktop", true],
  ["node", undefined, undefined, "desktop", true],
])("%s", (userAgent, browser, os, device, bot) => {
  const agent = parseAgent(userAgent);
  expect([agent.client.browser, agent.client.os, agent.client.device, agent.bot]).toEqual([browser, os, device, bot]);
});

it("is read once and remembered; without one nothing is known", () => {
  const step = createAgentStep();
  const first = step({ userAgent: CHROME } as Witnessed);
  const second = step({ userAgent: CHROME } as Witnessed);
  expect(second.client).toBe(first.client);
  expect(step({ userAgent: undefined } as Witnessed)).toMatchObject({ client: undefined, botAgent: false });
  expect(step({ userAgent: GOOGLEBOT } as Witnessed).botAgent).toBe(true);
});

it("hostile ones are read without failing", () => {
  let state = 7;
  const next = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648);
  for (let i = 0; i < 1_000; i++) {
    const text = Array.from({ length: 512 }, () => String.fromCharCode(next() % 0xffff)).join("");
    expect(parseAgent(text).client.device).toBeDefined();
  }
});
