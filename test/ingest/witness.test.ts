import { expect, it } from "vitest";
import type { RequestFacts, TelemetryInput } from "../../src/event.ts";
import type { Timed } from "../../src/ingest/stages.ts";
import { takeWitness } from "../../src/ingest/witness.ts";
import { CHROME, facts, pageview, site } from "./setup.ts";

function witness(request: RequestFacts, input: TelemetryInput = pageview()) {
  const { userAgent, ip, ownRequest, acceptLanguage } = takeWitness({} as Timed, { site, input, facts: request });
  return { userAgent, ip, ownRequest, acceptLanguage };
}
const said = pageview({ userAgent: "said", ip: "198.51.100.1" });
const noBrowser = { origin: undefined };

it("a browser with the public key is the visitor, and what it says of itself does not count", () => {
  const own = { userAgent: CHROME, ip: "203.0.113.77", ownRequest: true, acceptLanguage: "de-CH,de;q=0.9" };
  expect(witness(facts(), said)).toEqual(own);
  expect(witness(facts({ headers: noBrowser }))).toEqual(own);
});

it("a server with the secret key is not the visitor; only what it says counts", () => {
  const server = facts({ trust: "secret", headers: noBrowser });
  expect(witness(server)).toEqual({ userAgent: undefined, ip: undefined, ownRequest: false, acceptLanguage: undefined });
  expect(witness(server, said)).toMatchObject({ userAgent: "said", ip: "198.51.100.1", ownRequest: false });
});

it.each(["origin", "sec-fetch-site", "sec-fetch-dest"])("a browser with the secret key shows by its %s header", (name) => {
  const request = facts({ trust: "secret", headers: { ...noBrowser, [name]: "x" } });
  expect(witness(request)).toMatchObject({ userAgent: CHROME, ip: "203.0.113.77", ownRequest: true });
  expect(witness(request, said)).toMatchObject({ userAgent: "said", ip: "198.51.100.1", ownRequest: false });
});

it("an in-process caller hands over the visitor's request, or says who it was", () => {
  const host = facts({ trust: "host", headers: noBrowser });
  expect(witness(host)).toMatchObject({ userAgent: CHROME, ip: "203.0.113.77", ownRequest: true });
  expect(witness(host, said)).toMatchObject({ userAgent: "said", ip: "198.51.100.1" });
});

it("a user agent of 16 KB is cut to 512 characters, an empty one is none", () => {
  expect(witness(facts({ headers: { "user-agent": "x".repeat(16_000) } })).userAgent).toHaveLength(512);
  expect(witness(facts({ headers: { "user-agent": "" } })).userAgent).toBeUndefined();
});

it("Node's own fetch is a server, though it sends sec-fetch-mode", () => {
  const server = facts({ trust: "secret", headers: { ...noBrowser, "user-agent": "node", "sec-fetch-mode": "cors" } });
  expect(witness(server)).toMatchObject({ userAgent: undefined, ownRequest: false });
});
