import type { Guard } from "./guard.ts";

/** Waits before the second and third try of one call. */
const RETRY_MS = [50, 200];
/** A try that took longer is not repeated: whoever asks has waited long enough. */
const SLOW_MS = 1_000;

/** The same storage, with reads and listings that are tried again: a read of many values must not fail with each of them. */
export function createPatientGuard(guard: Guard): Guard {
  async function patiently<T>(act: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const begun = performance.now();
      try {
        return await act();
      } catch (error) {
        const wait = RETRY_MS[attempt];
        if (wait === undefined || guard.breaker() !== "closed" || performance.now() - begun > SLOW_MS) throw error;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  return {
    ...guard,
    read: (key) => patiently(() => guard.read(key)),
    list: (base) => patiently(() => guard.list(base)),
  };
}
