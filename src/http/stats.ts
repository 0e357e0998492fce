import type { ErrorCode } from "../errors.ts";

/** Counts since start. `accepted` + the sum of `rejected` + `inFlight` = `requests`. */
export interface HttpStats {
  /** Requests to a path of ours. */
  requests: number;
  inFlight: number;
  /** Answered without an error, dropped hits included. */
  accepted: number;
  /** By code; only codes that occurred. */
  rejected: Partial<Record<ErrorCode, number>>;
  /** Items of batches that failed, by code; their request is among `accepted`. */
  rejectedItems: Partial<Record<ErrorCode, number>>;
  /** Hits that were answered but not kept, by reason. */
  dropped: Record<string, number>;
  /** Items that browsers could not keep, as their trackers say. */
  discarded: number;
  /** Bodies from which a key that reaches a prototype was removed. */
  cleaned: number;
}

export function createStats(): HttpStats {
  return { requests: 0, inFlight: 0, accepted: 0, rejected: {}, rejectedItems: {}, dropped: {}, discarded: 0, cleaned: 0 };
}

export function countOne(counts: Record<string, number | undefined>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
