import { DAY_MS, MINUTE_MS } from "../clock.ts";
import { createId } from "../ids.ts";

/** One visit as the profile remembers it. Times are epoch milliseconds of events in it. */
export interface SessionMark {
  id: string;
  start: number;
  lastSeen: number;
  /** 1 for the visitor's first ever session, 2 for the second, … */
  visit: number;
  /** The id was made here, not sent by the client. */
  assigned?: true;
}

export interface SessionOptions {
  /** Milliseconds without activity after which a visit ends. @default 30 minutes */
  timeoutMs?: number;
  /** Makes the id of a new session. @default random */
  createSessionId?: () => string;
}

/** Which session a hit belongs to. */
export interface SessionChoice {
  id: string;
  visit: number;
  assigned?: true;
}

export const SESSION_TIMEOUT_MS = 30 * MINUTE_MS;
/** A session ends after this, however active the visitor is. */
export const SESSION_MAX_MS = DAY_MS;

/** What of a profile the choice needs: the latest sessions, in any order, and the number of visits so far. */
export interface SessionHistory {
  sessions: SessionMark[];
  visits: number;
}

const newSessionId = () => createId("sess");

/**
 * The session of a hit that came without one: the visitor's session that was active within the timeout before
 * (or, for a hit that arrives late, after) it and has not reached 24 hours, else a new one.
 */
export function assignSession(history: SessionHistory | undefined, at: number, options: SessionOptions = {}): SessionChoice {
  const timeoutMs = options.timeoutMs ?? SESSION_TIMEOUT_MS;
  let found: SessionMark | undefined;
  for (const session of history?.sessions ?? []) {
    const near = at <= session.lastSeen + timeoutMs && at >= session.start - timeoutMs;
    const whole = at < session.start + SESSION_MAX_MS && session.lastSeen < at + SESSION_MAX_MS;
    if (near && whole && (!found || session.lastSeen > found.lastSeen)) found = session;
  }
  if (found) return { id: found.id, visit: found.visit, ...(found.assigned && { assigned: true as const }) };
  return { id: (options.createSessionId ?? newSessionId)(), visit: (history?.visits ?? 0) + 1, assigned: true };
}

/** The visit a client's own session id stands for: the one it already has, else the visitor's next. */
export function visitOf(history: SessionHistory | undefined, sessionId: string): number {
  for (const session of history?.sessions ?? []) if (session.id === sessionId) return session.visit;
  return (history?.visits ?? 0) + 1;
}
