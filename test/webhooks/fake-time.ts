import type { StartTimer } from "../../src/webhooks/timer.ts";

/** A clock with timers that only moves when told. */
export function createFakeTime(start = Date.parse("2025-01-15T10:30:00Z")) {
  let now = start;
  let sequence = 0;
  const timers = new Set<{ at: number; order: number; run(): void }>();

  const startTimer: StartTimer = (run, ms) => {
    const timer = { at: now + ms, order: sequence++, run };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  /** Lets promises that are ready go on. */
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const first = () => [...timers].sort((one, other) => one.at - other.at || one.order - other.order)[0];

  return {
    now: () => now,
    startTimer,
    settle,
    /** Epoch milliseconds of the next timer. */
    nextAt: () => first()?.at,
    /** Moves the clock alone, as NTP or a suspend does. */
    jump(ms: number) {
      now += ms;
    },
    async advance(ms: number) {
      const until = now + ms;
      await settle();
      for (let timer = first(); timer && timer.at <= until; timer = first()) {
        timers.delete(timer);
        now = Math.max(now, timer.at);
        timer.run();
        await settle();
      }
      now = until;
    },
  };
}

/** Deterministic randomness, 0 ≤ x < 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
