import { setImmediate as nextTurn } from "node:timers/promises";

const STEPS_PER_LOOK = 1_000;
const SLICE_MS = 8;

/** Hands the event loop back to the host between slices of work. */
export function createSlicer() {
  let steps = 0;
  let since = performance.now();
  return {
    due: () => ++steps % STEPS_PER_LOOK === 0 && performance.now() - since > SLICE_MS,
    async pause() {
      await nextTurn();
      since = performance.now();
    },
  };
}
