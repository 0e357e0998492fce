import { toTimestamp } from "../clock.ts";
import type { WebhookEventName } from "../site.ts";

/** A delivery that is owed to one endpoint. Stored with the event that raised it. */
export interface Delivery {
  /** `webhook-id`: the same for every attempt, and for every endpoint the event goes to. */
  id: string;
  siteId: string;
  /** Which endpoint of the site: a digest of its URL, stable over restarts. */
  endpoint: string;
  /** The event's name for `x-wysleap-event`. */
  event: string;
  /** What its payload is made of at each attempt, as JSON; empty while it is left in storage. */
  draft: string;
  /** Epoch milliseconds of the event. */
  at: number;
  /** Of whom it speaks: what is owed of an erased visitor is not sent. */
  visitorId?: string;
  /** Epoch milliseconds when it was taken in first, when that was another process: its age is counted from there. */
  takenAt?: number;
  /** Its number among those that this process took in. */
  seq?: number;
  /** Characters of `draft`, when that is left in storage and empty here. */
  size?: number;
}

/** Where the ledger will write down where it is stored, and how far it is. */
interface LedgerFields {
  place: undefined;
  index: undefined;
  progress: undefined;
}

/**
 * Makes a delivery with all its fields from the start: every event of a site with webhooks makes one, and an object
 * that grows costs the request twice what everything else about it does.
 */
export function createDelivery(given: Pick<Delivery, "id" | "siteId" | "endpoint" | "event" | "draft" | "at" | "visitorId">): Delivery & LedgerFields {
  const { id, siteId, endpoint, event, draft, at, visitorId } = given;
  return {
    id, siteId, endpoint, event, draft, at, visitorId,
    takenAt: undefined, seq: undefined, size: undefined, place: undefined, index: undefined, progress: undefined,
  };
}

export function sizeOf({ size, draft }: Delivery): number {
  return size ?? draft.length;
}

export interface PayloadInput {
  event: WebhookEventName;
  siteId: string;
  /** Epoch milliseconds when it happened. */
  at: number;
  /** Plain JSON: from `JSON.parse` or a literal. */
  data: Record<string, unknown>;
  /** `webhook-id`. */
  id: string;
}

/** Larger `eventData` is left to the API: receivers' body limits start at 100 kB, proxies' far below. */
export const MAX_EVENT_DATA_BYTES = 12 * 1024;
export const MAX_BODY_BYTES = 64 * 1024;
/** `,"signature":"sha256=<64 hex>"` */
export const SIGNATURE_FIELD_BYTES = 86;
const MAX_DEPTH = 12;
const TRUNCATED = { _truncated: true };

/** The longest UTF-8 form of one UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;

/**
 * The bytes that are signed: `{"event","siteId","timestamp","data","id"}` in this order, so that a receiver
 * gets them back with `JSON.stringify(JSON.parse(body))` less the signature. `eventData` over 12 KiB becomes
 * `{"_truncated":true}`. Throws when `data` is not JSON (a cycle, a BigInt).
 */
export function createPayload({ event, siteId, at, data, id }: PayloadInput): string {
  const timestamp = toTimestamp(at);
  const toText = (part: Record<string, unknown>) => JSON.stringify({ event, siteId, timestamp, data: part, id });

  const eventData = data.eventData;
  let kept = data;
  let unsigned = toText(data);
  if (eventData !== undefined && exceeds(unsigned, MAX_EVENT_DATA_BYTES)) {
    if (exceeds(JSON.stringify(eventData), MAX_EVENT_DATA_BYTES)) {
      kept = { ...data, eventData: TRUNCATED };
      unsigned = toText(kept);
    }
  }
  if (isSuspect(unsigned)) unsigned = toText(clean(JSON.parse(JSON.stringify(kept)), 2) as Record<string, unknown>);
  return exceeds(unsigned, MAX_BODY_BYTES - SIGNATURE_FIELD_BYTES) ? toText(TRUNCATED) : unsigned;
}

/** The body of an attempt: `unsigned` with `"signature":"sha256=…"` as its last field. */
export function withSignature(unsigned: string, hex: string): string {
  return `${unsigned.slice(0, -1)},"signature":"sha256=${hex}"}`;
}

function exceeds(text: string, maxBytes: number): boolean {
  return text.length * MAX_BYTES_PER_UNIT > maxBytes && Buffer.byteLength(text) > maxBytes;
}

/**
 * Whether some receiver's parser might not give the same bytes back: `JSON.stringify` writes lone surrogates as
 * `\udxxx`, which Go, Rust and PostgreSQL refuse; destr and Fastify take `__proto__` and `constructor.prototype` out.
 */
function isSuspect(text: string): boolean {
  return text.includes("\\ud") || text.includes('"__proto__"') || text.includes('"constructor"');
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === "string") return wellFormed(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  const cleaned: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (key === "__proto__") continue;
    if (key === "constructor" && typeof item === "object" && item !== null && "prototype" in item) continue;
    cleaned[wellFormed(key)] = clean(item, depth + 1);
  }
  return cleaned;
}

/** Lone surrogates become U+FFFD, as `String.prototype.toWellFormed` does it. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
