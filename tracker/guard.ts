/** The tracker's life: ended by `stop()`, and with it every listener and timer. */
export const life = new AbortController();
const { signal } = life;

/** Runs as long as the tracker lives, and never throws into the page. */
export const safe =
  <A extends unknown[], R>(run: (...args: A) => R) =>
  (...args: A): R | undefined => {
    try {
      if (!signal.aborted) return run(...args);
    } catch {
      // a page is never hurt by its analytics
    }
  };

/** Listens passively, and at the window before any of the page's handlers, which could stop the event. */
export const on = (types: string, run: (event: any) => void, target: EventTarget = window) => {
  types.split(" ").map((type) => target.addEventListener(type, safe(run), { passive: true, capture: true, signal }));
};
