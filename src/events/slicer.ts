import { setImmediate as nextTurn } from "node:timers/promises";

const STEPS_PER_LOOK = 64;
const MIN_SLICE_MS = 4;
const MAX_SLICE_MS = 25;

export interface Slicer {
  /** One more step is done. Whether it is time to pause. */
  due(): boolean;
  pause(): Promise<void>;
}

/**
 * Hands the event loop back to the host between slices of work. A slice may take half as long as the turn of the host's
 * before it: a loop whose turns are long is a busy one, and slices of a fixed length would never get to their end there.
 */
export function createSlicer(stepsPerLook = STEPS_PER_LOOK): Slicer {
  let steps = 0;
  let sliceMs = MIN_SLICE_MS;
  let since = performance.now();
  return {
    due: () => ++steps % stepsPerLook === 0 && performance.now() - since > sliceMs,
    async pause() {
      const left = performance.now();
      await nextTurn();
      since = performance.now();
      sliceMs = Math.min(Math.max((since - left) / 2, MIN_SLICE_MS), MAX_SLICE_MS);
    },
  };
}
