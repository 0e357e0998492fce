import type { Clock } from "./clock.ts";
import { MINUTE_MS } from "./clock.ts";

/** What the owner passes as `logger`; `console` fits. `false` silences it. */
export interface Logger {
  debug(message: string, details?: unknown): void;
  info(message: string, details?: unknown): void;
  warn(message: string, details?: unknown): void;
  error(message: string, details?: unknown): void;
}

export type LogLevel = keyof Logger;

/**
 * Tells the owner at most one line per kind and minute, with the number of lines held back.
 * Never throws: a broken logger must not break a request.
 */
export interface Reporter {
  report(level: LogLevel, kind: string, message: string, details?: unknown): void;
}

const MAX_KINDS = 200;

export function createReporter(logger: Logger | false | undefined, now: Clock): Reporter {
  const kinds = new Map<string, { until: number; held: number }>();
  return {
    report(level, kind, message, details) {
      if (!logger) return;
      const at = now();
      const state = kinds.get(kind);
      if (state && at < state.until) {
        state.held++;
        return;
      }
      if (kinds.size >= MAX_KINDS) kinds.clear();
      kinds.set(kind, { until: at + MINUTE_MS, held: 0 });
      const suffix = state?.held ? ` (${state.held} more like this held back)` : "";
      try {
        const line = `[wysleap] ${message}${suffix}`;
        if (details === undefined) logger[level](line); // console would print it
        else logger[level](line, details);
      } catch {
        // the owner's logger is broken: there is nobody left to tell
      }
    },
  };
}

export const silentReporter: Reporter = { report() {} };
