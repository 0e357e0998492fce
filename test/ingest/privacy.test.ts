import { expect, it } from "vitest";
import { createPrivacyStep } from "../../src/ingest/privacy.ts";
import type { Located } from "../../src/ingest/stages.ts";
import { facts, pageview, site } from "./setup.ts";

const outcome = (gpc: "count" | "drop" | "ignore" | undefined, header: string | undefined) =>
  createPrivacyStep({ gpc })({} as Located, { site, input: pageview(), facts: facts({ headers: { "sec-gpc": header } }) });

it.each([
  [undefined, "1", { private: true }], ["count", "1", { private: true }], ["drop", "1", { drop: "opt_out" }], ["ignore", "1", { private: false }],
  ["count", undefined, { private: false }], ["drop", undefined, { private: false }], ["drop", "0", { private: false }],
] as const)("with gpc %s, Sec-GPC: %s", (gpc, header, expected) => {
  expect(outcome(gpc, header)).toEqual(expected);
});
