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
  for (const type of types.split(" ")) target.addEventListener(type, safe(run), { passive: true, capture: true, signal });
};

let warned: unknown;
/** One console line for the site's owner. */
export const warn = (text: unknown) => {
  // oxlint-disable-next-line no-console -- the site's owner looks here when something is wrong
  if (warned != text) console.warn("WysLeap", (warned = text));
};
