import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { describe, expect, test } from "vitest";
import { AnalyticsError } from "../../src/errors.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";

function guardOver(change: Partial<Driver>, options: { deadlineMs?: number; maxFailures?: number } = {}) {
  const failures: string[] = [];
  const driver = { ...memoryDriver(), ...change } as Driver;
  const guard = createGuard(driver, { reporter: silentReporter, onFailure: ({ operation }) => failures.push(operation), ...options });
  return { guard, failures };
}

const unavailable = expect.objectContaining({ code: "UNAVAILABLE", retryAfter: 1 }) as AnalyticsError;

test("what is written is read, listed once and removed", async () => {
  const { guard } = guardOver({ getKeys: () => ["a:b", "a:b", "a:c"] });
  await guard.write("a:b", "text");
  expect(await guard.read("a:b")).toEqual({ state: "found", body: Buffer.from("text") });
  expect(await guard.list("a")).toEqual(["a:b", "a:c"]);
  await guard.remove("a:b");
  expect(await guard.read("a:b")).toEqual({ state: "missing" });
});

test("a value that something else wrote is torn", async () => {
  const { guard } = guardOver({ getItemRaw: () => Buffer.from("not ours") });
  expect(await guard.read("x")).toEqual({ state: "torn" });
});

describe("a driver that lies is a failing driver:", () => {
  test("an Error as a value", async () => {
    const { guard, failures } = guardOver({ getItemRaw: () => new Error("EMFILE") });
    await expect(guard.read("x")).rejects.toEqual(unavailable);
    expect(failures).toEqual(["read"]);
  });

  test("a removal that removes nothing", async () => {
    const { guard } = guardOver({ removeItem: () => {} });
    await guard.write("x", "1");
    await expect(guard.remove("x")).rejects.toEqual(unavailable);
  });

  test("a call that never answers", async () => {
    const { guard } = guardOver({ setItemRaw: () => new Promise(() => {}) }, { deadlineMs: 20 });
    await expect(guard.write("x", "1")).rejects.toEqual(unavailable);
  });
});

test("the cause is for the log, not for the client", async () => {
  const { guard } = guardOver({ setItemRaw: () => Promise.reject(new Error("ENOSPC /secret/path")) });
  const error = await guard.write("x", "1").catch((caught: AnalyticsError) => caught);
  expect((error as AnalyticsError).message).not.toContain("secret");
  expect(((error as AnalyticsError).cause as Error).message).toContain("ENOSPC");
});

test("after repeated failures the driver is left alone, then asked once, then trusted again", async () => {
  let calls = 0;
  let broken = true;
  const { guard } = guardOver(
    {
      setItemRaw() {
        calls++;
        if (broken) throw new Error("down");
      },
    },
    { maxFailures: 3 },
  );
  for (let i = 0; i < 10; i++) await expect(guard.write("x", "1")).rejects.toEqual(unavailable);
  expect([calls, guard.breaker()]).toEqual([3, "open"]);
  broken = false;
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  await guard.write("x", "1");
  expect([calls, guard.breaker()]).toEqual([4, "closed"]);
});

test("a storage that only reads is not writable, though the breaker stays closed", async () => {
  let full = true;
  const { guard } = guardOver({
    setItemRaw: () => {
      if (full) throw new Error("EROFS");
    },
  });
  expect(guard.isWritable()).toBe(true);
  for (let n = 0; n < 10; n++) {
    await guard.write("x", "1").catch(() => {});
    await guard.read("x");
  }
  expect([guard.isWritable(), guard.breaker()]).toEqual([false, "closed"]);
  full = false;
  await guard.write("x", "1");
  expect(guard.isWritable()).toBe(true);
});
