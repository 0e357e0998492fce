/** The tracker's life: ended by `stop()`, and with it every listener and timer. */
export const life = new AbortController();

/** Runs as long as the tracker lives, and never throws into the page. */
export const safe =
  <A extends unknown[], R>(run: (...args: A) => R) =>
  (...args: A): R | undefined => {
    try {
      if (!life.signal.aborted) return run(...args);
    } catch {
      // a page is never hurt by its analytics
    }
  };

export const later = (run: () => void, ms: number) => setTimeout(safe(run), ms);

/** Listens passively, and at the window before any of the page's handlers, which could stop the event. */
export const on = <E extends Event>(types: string, run: (event: E) => void) => {
  for (const type of types.split(" ")) {
    addEventListener(type, safe(run) as EventListener, { passive: true, capture: true, signal: life.signal });
  }
};
