import { endpoint } from "./config.ts";

const TIMEOUT_MS = 30_000;

// Taken at the start: a page that replaces it later must not change what we do.
const { fetch } = window;

/**
 * Calls `done` with the answer's status (0: there was none) and its `Retry-After`. When leaving, the browser
 * delivers the body after the page is gone. A string goes as text/plain, so that no preflight is asked.
 */
export const send = (body: string, leaving: unknown, done: (status: number, retryAfter?: string | null | false) => void) => {
  if (leaving && navigator.sendBeacon(endpoint, body)) done(200);
  else {
    const signal = AbortSignal.timeout && AbortSignal.timeout(TIMEOUT_MS);
    fetch(endpoint, { method: "POST", body, keepalive: true, signal }).then(
      (answer) => done(answer.status, PART.retryAfter && answer.headers.get("Retry-After")),
      () => done(0),
    );
  }
};
