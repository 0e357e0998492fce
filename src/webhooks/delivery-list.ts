import { toTimestamp } from "../clock.ts";
import type { Site, WebhookEventName } from "../site.ts";
import type { DeadLetter } from "./dead-letters.ts";
import type { Delivered } from "./delivered.ts";
import { endpointId, toLoggableUrl } from "./endpoint-id.ts";
import type { Delivery } from "./payload.ts";
import type { Entry } from "./pending.ts";

export type DeliveryStatus = "pending" | "delivered" | "failed";

/** What became of one delivery so far. */
export interface DeliveryRecord {
  /** `webhook-id` */
  id: string;
  event: WebhookEventName;
  /** The endpoint's URL without user info and query. */
  endpoint: string;
  /** "failed": given up; it can be retried by hand. */
  status: DeliveryStatus;
  attempts: number;
  /** HTTP status of the last answer. */
  lastCode?: number;
  /** Why there was none, or why it was given up: `timeout`, `blocked_address`, `ECONNREFUSED`, `too old`. */
  lastError?: string;
  /** When it happened, `2025-01-15T10:30:00Z`. */
  timestamp: string;
  nextAttemptAt?: string;
  deliveredAt?: string;
  failedAt?: string;
}

export interface DeliveriesQuery {
  status?: DeliveryStatus;
  event?: WebhookEventName;
  /** An endpoint's URL as configured. */
  endpoint?: string;
  /** 1–500. @default 50 */
  limit?: number;
  /** From the page before. */
  cursor?: string;
}

export interface DeliveriesPage {
  /** Newest first. */
  deliveries: DeliveryRecord[];
  /** Pass it to get the next page; absent on the last. */
  cursor?: string;
}

export const DEFAULT_DELIVERIES = 50;
export const MAX_DELIVERIES = 500;

export interface DeliverySources {
  /** One per endpoint, youngest first each. */
  pending: Iterable<Entry>[];
  delivered: Delivered[];
  dead: DeadLetter[];
}

/** One page of a site's deliveries, those taken in last first. */
export function listDeliveries(site: Site, query: DeliveriesQuery, sources: DeliverySources): DeliveriesPage {
  const { status, event, endpoint, limit = DEFAULT_DELIVERIES, cursor } = query;
  const before = cursor === undefined ? Infinity : Number(cursor);
  const only = endpoint === undefined ? undefined : endpointId(endpoint);
  const urls = new Map(site.webhooks?.map(({ url }) => [endpointId(url), toLoggableUrl(url)]));
  const found: { seq: number; record: DeliveryRecord }[] = [];
  const fits = (delivery: Delivery, is: DeliveryStatus) =>
    (status === undefined || status === is) &&
    (event === undefined || delivery.event === event) &&
    (only === undefined || delivery.endpoint === only) &&
    (delivery.seq ?? 0) < before;
  const add = (delivery: Delivery, record: Omit<DeliveryRecord, "id" | "event" | "endpoint" | "timestamp">) => {
    const { id, event: name, at, seq = 0 } = delivery;
    const url = urls.get(delivery.endpoint) ?? `(removed ${delivery.endpoint})`;
    found.push({ seq, record: { id, event: name as WebhookEventName, endpoint: url, timestamp: toTimestamp(at), ...record } });
  };

  for (const entries of sources.pending) {
    let count = 0;
    for (const { delivery, progress, last } of entries) {
      if (count > limit) break;
      if (!fits(delivery, "pending")) continue;
      count++;
      add(delivery, { status: "pending", attempts: progress.attempts, ...toLast(last), nextAttemptAt: toTimestamp(progress.dueAt) });
    }
  }
  for (const { delivery, attempts, status: code, deliveredAt } of sources.delivered) {
    if (fits(delivery, "delivered")) add(delivery, { status: "delivered", attempts, lastCode: code, deliveredAt: toTimestamp(deliveredAt) });
  }
  for (const { delivery, attempts, reason, at } of sources.dead) {
    if (fits(delivery, "failed")) add(delivery, { status: "failed", attempts, ...toLast(reason), failedAt: toTimestamp(at) });
  }
  found.sort((one, other) => other.seq - one.seq);
  const page = found.slice(0, limit);
  return { deliveries: page.map(({ record }) => record), ...(found.length > limit && { cursor: String(page.at(-1)!.seq) }) };
}

function toLast(words: string | undefined): { lastCode?: number; lastError?: string } {
  if (!words) return {};
  const [, code] = /^status (\d{3})$/.exec(words) ?? [];
  return code === undefined ? { lastError: words } : { lastCode: Number(code) };
}
