/** Attempts in flight over all endpoints: all that endpoints share. */
export const MAX_ALL_IN_FLIGHT = 64;

/** The slots that all endpoints share; who gets none is pumped when one is free. */
export interface Pool {
  readonly inFlight: number;
  take(waiter: { pump(): void }): boolean;
  give(): void;
}

export function createPool(): Pool {
  const hungry = new Set<{ pump(): void }>();
  let inFlight = 0;
  return {
    get inFlight() {
      return inFlight;
    },
    take(waiter) {
      if (inFlight < MAX_ALL_IN_FLIGHT) return ++inFlight > 0;
      hungry.add(waiter);
      return false;
    },
    give() {
      inFlight--;
      for (const next of hungry) {
        if (inFlight >= MAX_ALL_IN_FLIGHT) break;
        hungry.delete(next);
        next.pump();
      }
    },
  };
}
