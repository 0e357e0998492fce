import { pause } from "../deadline.ts";
import type { Guard } from "./guard.ts";

/** Waits before the second and third try of one call. */
const RETRY_MS = [50, 200];
/** Tries that took longer are not followed by another: whoever asks has waited long enough. */
const SLOW_MS = 1_000;

/** A call of the guard, tried again where that is of use. Rejects with what the last try did. */
export async function patiently<T>(guard: Guard, call: () => Promise<T>, onRetry?: () => void): Promise<T> {
  const begun = performance.now();
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const wait = RETRY_MS[attempt];
      if (wait === undefined || guard.breaker() !== "closed" || performance.now() - begun > SLOW_MS) throw error;
      onRetry?.();
      await pause(wait);
    }
  }
}

/** The same storage, with reads and listings that are tried again: a read of many values must not fail with each of them. */
export function createPatientGuard(guard: Guard): Guard {
  return {
    ...guard,
    read: (key) => patiently(guard, () => guard.read(key)),
    list: (base) => patiently(guard, () => guard.list(base)),
  };
}
