import { expect, it } from "vitest";
import { botReasons } from "../../src/ingest/bot.ts";

it("a hit is labelled with every reason there is", () => {
  expect(botReasons(true, true)).toEqual(["user agent", "webdriver"]);
  expect(botReasons(true, undefined)).toEqual(["user agent"]);
  expect(botReasons(false, true)).toEqual(["webdriver"]);
  expect(botReasons(false, false)).toBeUndefined();
});
