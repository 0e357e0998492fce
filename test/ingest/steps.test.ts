import { describe, expect, it } from "vitest";
import type { Drop } from "../../src/event.ts";
import { isPromise, start } from "../../src/ingest/steps.ts";

interface A {
  a: number;
}
interface B extends A {
  b: number;
}
interface C extends B {
  c: number;
}
const toB = (hit: A, add: number): B => ({ ...hit, b: hit.a + add });
const toC = (hit: B): C => ({ ...hit, c: hit.b * 2 });

describe("a list of steps", () => {
  it("runs in the order in which it reads, without a promise as long as no step waits", () => {
    const steps = start<A, number>().step("b", toB).step("c", toC);
    expect(steps.names).toEqual(["b", "c"]);
    expect(steps.end()({ a: 1 }, 10)).toEqual({ a: 1, b: 11, c: 22 });
  });

  it("waits where a step waits and goes on after it", async () => {
    const outcome = start<A, number>().step("b", async (hit: A, add) => toB(hit, add)).step("c", toC).end()({ a: 1 }, 10);
    expect(isPromise(outcome)).toBe(true);
    expect(await outcome).toEqual({ a: 1, b: 11, c: 22 });
  });

  it("ends at the first drop, also behind a step that waited", async () => {
    const never = (): C => {
      throw new Error("must not run");
    };
    const drop: Drop = { drop: "hostname" };
    expect(start<A, number>().step("b", (): B | Drop => drop).step("c", never).end()({ a: 1 }, 0)).toEqual(drop);
    const later = start<A, number>().step("b", async (): Promise<B | Drop> => drop).step("c", never).end();
    expect(await later({ a: 1 }, 0)).toEqual(drop);
  });

  it("passes on what a step throws", async () => {
    const fail = (): B => {
      throw new Error("step failed");
    };
    expect(() => start<A, number>().step("b", fail).end()({ a: 1 }, 0)).toThrow("step failed");
    await expect(start<A, number>().step("a", async (hit: A) => hit).step("b", fail).end()({ a: 1 }, 0)).rejects.toThrow("step failed");
  });

  it("in the wrong order does not compile", () => {
    // @ts-expect-error c needs what b provides
    start<A, number>().step("c", toC).step("b", toB);
  });
});
