import { describe, expect, it } from "vitest";
import { bestQuality, bestTier, measureAccuracy } from "../../src/identity/accuracy.ts";

describe("the confidence in a visitor's identity", () => {
  const of = (over: Partial<Parameters<typeof measureAccuracy>[0]> = {}) =>
    measureAccuracy({ tier: "client", quality: "excellent", visits: 1, clients: 1, ...over });

  it("falls with the evidence: user, client, signals, daily hash, nothing", () => {
    const tiers = ["user", "client", "signals", "daily", undefined] as const;
    const values = tiers.map((tier) => of({ tier }).confidence);
    expect(values).toEqual([...values].sort((a, b) => b - a));
    expect(new Set(values).size).toBe(5);
  });

  it("is a probability with two decimals, never 0 or 1", () => {
    for (const tier of ["user", "client", "daily", undefined] as const) {
      for (const visits of [0, 1, 2, 7, 1_000]) {
        for (const clients of [0, 1, 4, 40]) {
          const { confidence } = of({ tier, visits, clients });
          expect(confidence).toBeGreaterThanOrEqual(0.05);
          expect(confidence).toBeLessThanOrEqual(0.99);
          expect(Math.round(confidence * 100) / 100).toBe(confidence);
        }
      }
    }
  });

  it("rises for a visitor whose id came back", () => {
    expect(of({ visits: 5 }).confidence).toBeGreaterThan(of({ visits: 1 }).confidence);
  });

  it("falls, with the fingerprint's quality, when one id is seen on different machines", () => {
    expect(of({ clients: 2 })).toMatchObject({ fingerprintQuality: "good" });
    expect(of({ clients: 2 }).confidence).toBeLessThan(of({ clients: 1 }).confidence);
    expect(of({ clients: 4 }).fingerprintQuality).toBe("poor");
  });

  it("does not fall for a signed-in user with a phone and a laptop", () => {
    expect(of({ tier: "user", quality: "poor", clients: 2 }).confidence).toBe(of({ tier: "user", quality: "poor" }).confidence);
  });

  it("calls a fingerprint poor when no signal came", () => {
    expect(of({ quality: undefined }).fingerprintQuality).toBe("poor");
  });
});

describe("the stronger evidence", () => {
  it("wins in either order", () => {
    expect([bestTier("daily", "user"), bestTier("user", "daily"), bestTier(undefined, "daily")]).toEqual(["user", "user", "daily"]);
    expect([bestQuality("poor", "good"), bestQuality("good", "poor"), bestQuality(undefined, "poor")]).toEqual(["good", "good", "poor"]);
  });
});
