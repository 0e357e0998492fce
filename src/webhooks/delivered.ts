import type { Delivery } from "./payload.ts";

/** Ids of what was delivered, so that what is raised twice (a derived id) is sent once. */
const MAX_IDS = 10_000;
/** Of so many it is also kept what became of them, for the list. */
export const MAX_LISTED = 1_000;

/** A delivery that arrived; its payload is not kept. */
export interface Delivered {
  delivery: Delivery;
  attempts: number;
  status: number;
  /** Epoch milliseconds when it arrived. */
  deliveredAt: number;
}

/** The last deliveries that arrived. */
export interface DeliveredOnes {
  add(delivery: Delivery, attempts: number, status: number, now: number): void;
  has(delivery: Delivery): boolean;
  /** A site's, in no promised order. */
  list(siteId: string): Delivered[];
  erase(siteId: string, visitorId: string): void;
}

export function createDelivered(): DeliveredOnes {
  const ids = new Set<string>();
  const listed = new Set<Delivered>();
  const idOf = ({ siteId, endpoint, id }: Delivery) => `${siteId} ${endpoint} ${id}`;
  return {
    add(delivery, attempts, status, deliveredAt) {
      ids.add(idOf(delivery));
      if (ids.size > MAX_IDS) ids.delete(ids.values().next().value!);
      const { id, siteId, endpoint, event, at, visitorId, seq } = delivery;
      listed.add({ delivery: { id, siteId, endpoint, event, at, visitorId, seq, draft: "" }, attempts, status, deliveredAt });
      if (listed.size > MAX_LISTED) listed.delete(listed.values().next().value!);
    },
    has: (delivery) => ids.has(idOf(delivery)),
    list: (siteId) => [...listed].filter(({ delivery }) => delivery.siteId === siteId),
    erase(siteId, visitorId) {
      for (const one of listed) if (one.delivery.siteId === siteId && one.delivery.visitorId === visitorId) listed.delete(one);
    },
  };
}
