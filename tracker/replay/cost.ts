let depth = 0;
let spentMs = 0;

/** Runs one of the recorder's handlers and counts its time, those called within it once. The build puts it into rrweb. */
export const timed = (handler: (...args: unknown[]) => unknown, args: unknown[]): unknown => {
  if (depth) return handler(...args);
  depth++;
  const start = performance.now();
  try {
    return handler(...args);
  } finally {
    depth--;
    spentMs += performance.now() - start;
  }
};

/** Milliseconds of the main thread since the last call. */
export const takeCost = (): number => {
  const spent = spentMs;
  spentMs = 0;
  return spent;
};
