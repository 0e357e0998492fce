/** Runs `run` once after `ms`; the answer cancels it. Handed in so that a test can move the time. */
export type StartTimer = (run: () => void, ms: number) => () => void;

/** Never holds the host's process. */
export const startUnrefTimer: StartTimer = (run, ms) => {
  const timer = setTimeout(run, ms);
  timer.unref();
  return () => clearTimeout(timer);
};
