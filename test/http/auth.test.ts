import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createKeyCheck, presentedKey } from "../../src/http/auth.ts";
import { createFixedWindow } from "../../src/rate-limit/fixed-window.ts";
import type { Site } from "../../src/site.ts";

const SITE: Site = { id: "shop", apiKey: "secret", writeKey: "public" };

function create() {
  let at = 0;
  const now = () => at;
  const keys = createKeyCheck({ failures: createFixedWindow({ now }), now });
  const outcome = (site: Site | undefined, key: string, network?: string) => {
    try {
      return keys.recognise(site, key, network).trust;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  return { keys, outcome, advance: (ms: number) => void (at += ms) };
}

test("a key is looked for in the header and the body; two that differ, or one that is no text, are refused", () => {
  expect(presentedKey("a", undefined)).toBe("a");
  expect(presentedKey(undefined, "a")).toBe("a");
  expect(presentedKey("a", "a")).toBe("a");
  expect(presentedKey("a", "")).toBe("a");
  for (const [header, body] of [["a", "b"], ["a", 1], [undefined, 1], [undefined, undefined], ["", ""], [undefined, {}]] as const) {
    expect(() => presentedKey(header, body)).toThrow("Invalid API key");
  }
});

describe("keys", () => {
  test("several may be valid while they are rotated, and one that is removed stops at once", () => {
    const { outcome } = create();
    const site: Site = { id: "shop", apiKey: ["old", "new"], writeKey: ["page1", "page2"] };
    expect(["old", "new", "page1", "page2", "x"].map((key) => outcome(site, key))).toEqual([
      "secret", "secret", "write", "write", "UNAUTHORIZED",
    ]);
    site.apiKey = ["new", "newer"];
    expect(["old", "new", "newer"].map((key) => outcome(site, key))).toEqual(["UNAUTHORIZED", "secret", "secret"]);
    site.apiKey.shift();
    expect(outcome(site, "new")).toBe("UNAUTHORIZED");
  });

  test("may be given as their SHA-256, which is no key itself", () => {
    const { outcome } = create();
    const digest = `sha256:${createHash("sha256").update("secret").digest("hex")}`;
    const site: Site = { id: "shop", apiKey: digest };
    expect([outcome(site, "secret"), outcome(site, digest), outcome(site, digest.slice(7))]).toEqual([
      "secret", "UNAUTHORIZED", "UNAUTHORIZED",
    ]);
  });

  test("that are both are secret, and a write key's SHA-256 is no key either", () => {
    const { outcome } = create();
    const digest = `sha256:${createHash("sha256").update("both").digest("hex")}`;
    for (const apiKey of ["both", digest]) expect(outcome({ id: "shop", apiKey, writeKey: ["both", "page"] }, "both")).toBe("secret");
    const site: Site = { id: "shop", apiKey: "secret", writeKey: digest };
    expect([outcome(site, "both"), outcome(site, digest)]).toEqual(["write", "UNAUTHORIZED"]);
  });

  test("of any length and kind do no harm, and an unknown site is a 404", () => {
    const { outcome } = create();
    for (const key of ["x".repeat(10_000), "\u0000", "é", "__proto__", " secret", "secret "]) expect(outcome(SITE, key)).toBe("UNAUTHORIZED");
    expect(outcome(undefined, "secret")).toBe("NOT_FOUND");
    expect(outcome({ id: "odd", apiKey: "" }, "")).toBe("UNAUTHORIZED");
  });

  test("are counted under names that do not tell them", () => {
    const { keys } = create();
    const names = [keys.recognise(SITE, "secret", undefined).window, keys.recognise(SITE, "public", undefined).window];
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).not.toMatch(/secret|public/);
  });
});

describe("after 60 wrong keys in a minute", () => {
  test("a network gets 429, also with the right secret key; the public key goes on working", () => {
    const { outcome, advance } = create();
    for (let at = 0; at < 60; at++) expect(outcome(SITE, `guess ${at}`, "192.0.2.1")).toBe("UNAUTHORIZED");
    expect(outcome(SITE, "guess", "192.0.2.1")).toBe("RATE_LIMIT_EXCEEDED");
    expect(outcome(SITE, "secret", "192.0.2.1")).toBe("RATE_LIMIT_EXCEEDED");
    expect(outcome(SITE, "public", "192.0.2.1")).toBe("write");
    expect(outcome(SITE, "secret", "192.0.2.2")).toBe("secret");
    expect(outcome({ ...SITE, id: "other" }, "secret", "192.0.2.1")).toBe("secret");
    advance(60_000);
    expect(outcome(SITE, "secret", "192.0.2.1")).toBe("secret");
  });

  test("59 do not lock anybody out", () => {
    const { outcome } = create();
    for (let at = 0; at < 59; at++) outcome(SITE, "guess", "192.0.2.1");
    expect(outcome(SITE, "secret", "192.0.2.1")).toBe("secret");
  });
});
