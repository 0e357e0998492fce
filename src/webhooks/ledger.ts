import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { keys } from "../storage/keys.ts";
import type { EndpointHealth } from "./endpoint-health.ts";
import { encodeRest, type Progress } from "./ledger-state.ts";
import { type OpenDelivery, readOwedBlock, readOwedBy, type TakenOver } from "./ledger-takeover.ts";
import { createStateWriter } from "./ledger-writer.ts";
import type { Delivery } from "./payload.ts";
import { sizeOf } from "./payload.ts";

/** Payloads kept in memory, in characters; of what is owed beyond that only the reference is. */
export const MAX_HELD_CHARS = 16 * 1024 * 1024;
/** Characters of one block: about a millisecond of parsing. */
const BLOCK_CHARS = 256 * 1024;

/** A segment or a block that holds deliveries. */
interface Place {
  key: string;
  /** Set for an own segment. */
  n?: number;
  total: number;
  /** Still owed, by their number in it. */
  live: Map<number, OpenDelivery>;
  /** The state's words for it, until something changes. */
  text?: string;
  /** As it was stored. */
  untouched: boolean;
  /** Holds what should not be in storage any more. */
  stale?: true;
}

export interface CarryPlan {
  /** Own segments below this number are about to go. */
  storedUpTo: number;
  /** Dead writers, and up to which segment their deliveries were folded. */
  adopt: { writer: string; next: number }[];
  isErased(siteId: string, visitorId: string, at: number): boolean;
}

/**
 * What storage knows of the deliveries: where each lies, which are done with, how far the others are. The journal's
 * segments hold them; when those go, what is still owed moves into blocks.
 */
export interface Ledger {
  /** Takes note of what a segment of this process holds; to be enqueued. */
  stored(n: number, deliveries: Delivery[]): Delivery[];
  /** Stores deliveries that no segment holds. */
  put(deliveries: Delivery[]): Promise<void>;
  note(delivery: Delivery, progress: Progress | "done" | "erased"): void;
  noteHealth(lane: string, health: EndpointHealth | undefined): void;
  /** Its payload, read from storage when it is not in memory; `undefined` when it is not there any more. */
  payloadOf(delivery: Delivery): string | Promise<string | undefined>;
  /** A segment is about to go, this process's own or that of a dead one. */
  fold(writer: string, n: number, deliveries: Delivery[]): void;
  /** Stores what was folded and is still owed, and takes over what dead writers owed. */
  carry(plan: CarryPlan): Promise<TakenOver & { erased: Delivery[] }>;
  /** Resolves when everything noted is stored. */
  flush(): Promise<void>;
}

export interface LedgerOptions {
  guard: Guard;
  writer: string;
  reporter: Reporter;
  /** What an own segment holds; `undefined` when it is gone. */
  owedIn(n: number): Promise<Delivery[] | undefined>;
  /** @default MAX_HELD_CHARS */
  maxHeldChars?: number;
}

export function createLedger(options: LedgerOptions): Ledger {
  const { guard, writer, reporter, owedIn, maxHeldChars = MAX_HELD_CHARS } = options;
  const places = new Map<string, Place>();
  const endpoints = new Map<string, EndpointHealth>();
  /** Of dead writers, and of own segments whose payloads are not in memory; emptied by each carrying. */
  let folded = new Map<string, Map<number, Delivery[]>>();
  const takenUpTo = new Map<string, number>();
  const where = new Map<Delivery, { place: Place; index: number }>();
  let next = 0;
  let generation = 0;
  let heldChars = 0;
  let cached: { key: string; deliveries: Delivery[] } | undefined;
  const state = createStateWriter({ guard, writer, reporter, encode });

  /** The state as JSON, but for its number. Places keep their text: most have not changed since the last time. */
  function encode(): string {
    let from = next;
    for (const { n, live } of places.values()) if (n !== undefined && live.size > 0 && n < from) from = n;
    const segments: string[] = [];
    const blocks: string[] = [];
    for (const place of places.values()) {
      const { key, n, total, live } = place;
      if (n !== undefined && n < from) {
        places.delete(key);
        continue;
      }
      if (n !== undefined && place.untouched) continue;
      place.text ??= encodeRest(total, live);
      if (n === undefined) blocks.push(`[${JSON.stringify(key)},${place.text}]`);
      else segments.push(`[${n},${place.text}]`);
    }
    return `"from":${from},"segments":[${segments}],"blocks":[${blocks}],"endpoints":${JSON.stringify([...endpoints])}`;
  }

  function open(key: string, total: number, n?: number): Place {
    const place: Place = { key, total, live: new Map(), untouched: true, ...(n !== undefined && { n }) };
    places.set(key, place);
    return place;
  }

  function keep(place: Place, index: number, item: OpenDelivery) {
    const { delivery } = item;
    place.live.set(index, item);
    where.set(delivery, { place, index });
    if (heldChars + delivery.unsigned.length <= maxHeldChars) heldChars += delivery.unsigned.length;
    else {
      delivery.size = sizeOf(delivery);
      delivery.unsigned = "";
    }
  }

  /** It is not owed there any more; answers what was known of it. */
  function close(delivery: Delivery): OpenDelivery | undefined {
    const kept = where.get(delivery);
    const item = kept?.place.live.get(kept.index);
    if (!kept || !item) return undefined;
    kept.place.live.delete(kept.index);
    where.delete(delivery);
    heldChars -= delivery.unsigned.length;
    touch(kept.place);
    return item;
  }

  function touch(place: Place) {
    place.untouched = false;
    place.text = undefined;
  }

  async function readPlace({ key, n }: Place): Promise<Delivery[] | undefined> {
    if (cached?.key === key) return cached.deliveries;
    const deliveries = n === undefined ? await readOwedBlock(guard, key) : await owedIn(n);
    if (deliveries) cached = { key, deliveries };
    return deliveries;
  }

  async function load(delivery: Delivery): Promise<string | undefined> {
    for (;;) {
      const kept = where.get(delivery);
      const found = kept && (await readPlace(kept.place))?.[kept.index];
      if (found) return found.unsigned;
      if (where.get(delivery) === kept) return undefined; // else it moved while it was looked for
    }
  }

  async function lineOf(delivery: Delivery): Promise<string | undefined> {
    const { id, siteId, endpoint, event, at, visitorId, takenAt } = delivery;
    const { place, index } = where.get(delivery) ?? {};
    const own = place?.n === undefined ? undefined : folded.get(writer)?.get(place.n)?.[index!]?.unsigned;
    const unsigned = delivery.unsigned || own || (await load(delivery));
    if (unsigned === undefined) return undefined;
    return `${JSON.stringify({ id, siteId, endpoint, event, unsigned, at, visitorId, takenAt })}\n`;
  }

  /** Stores open deliveries in new blocks; they lie there from now on. */
  async function move(items: (OpenDelivery & { place?: Place })[]): Promise<void> {
    let lines: string[] = [];
    let chars = 0;
    let block: (OpenDelivery & { place?: Place })[] = [];
    const write = async () => {
      if (block.length === 0) return;
      const key = keys.owed(writer, generation++);
      await guard.write(key, lines.join(""));
      const place = open(key, block.length);
      for (const [index, item] of block.entries()) {
        // what was delivered while this was written is done with, what it came to otherwise is newer
        const known = item.place ? close(item.delivery) : item;
        if (known) keep(place, index, known);
        else touch(place);
      }
      [lines, block, chars] = [[], [], 0];
    };
    for (const item of items) {
      const line = await lineOf(item.delivery);
      if (line === undefined) {
        reporter.report("error", "webhook-lost", `the payload of webhook ${item.delivery.id} cannot be read any more`);
        continue;
      }
      lines.push(line);
      block.push(item);
      chars += line.length;
      if (chars >= BLOCK_CHARS) await write();
    }
    await write();
  }

  return {
    stored(n, deliveries) {
      next = n + 1;
      if (deliveries.length === 0) return deliveries;
      const place = open(keys.segment(writer, n), deliveries.length, n);
      for (const [index, delivery] of deliveries.entries()) keep(place, index, { delivery });
      return deliveries;
    },
    async put(deliveries) {
      await move(deliveries.map((delivery) => ({ delivery })));
      await state.write();
    },
    note(delivery, progress) {
      const kept = where.get(delivery);
      const item = kept?.place.live.get(kept.index);
      if (!item) return;
      if (progress === "erased") kept!.place.stale = true;
      if (typeof progress === "string") close(delivery);
      else {
        item.progress = progress;
        touch(kept!.place);
      }
      state.changed();
    },
    noteHealth(lane, health) {
      if (health) endpoints.set(lane, health);
      else if (!endpoints.delete(lane)) return;
      state.changed();
    },
    payloadOf: (delivery) => delivery.unsigned || load(delivery),
    fold(owner, n, deliveries) {
      if (deliveries.length === 0 || n < (takenUpTo.get(owner) ?? 0)) return;
      if (owner === writer) {
        const place = places.get(keys.segment(writer, n));
        if (!place || [...place.live.values()].every(({ delivery }) => delivery.unsigned !== "")) return;
      }
      const segments = folded.get(owner) ?? new Map<number, Delivery[]>();
      folded.set(owner, segments.set(n, deliveries));
    },
    async carry({ storedUpTo, adopt, isErased }) {
      const taken: TakenOver = { open: [], endpoints: [] };
      const erased: Delivery[] = [];
      const gone = ({ siteId, visitorId, at }: Delivery) => visitorId !== undefined && isErased(siteId, visitorId, at);
      try {
        for (const { writer: dead } of adopt) {
          const found = await readOwedBy(dead, { guard, reporter, segments: folded.get(dead), from: takenUpTo.get(dead) });
          for (const item of found.open) if (!gone(item.delivery)) taken.open.push(item);
          taken.endpoints.push(...found.endpoints);
        }
        const moving: (OpenDelivery & { place: Place })[] = [];
        for (const place of places.values()) {
          for (const { delivery } of place.live.values()) {
            if (!gone(delivery)) continue;
            erased.push(delivery);
            close(delivery);
            place.stale = true;
          }
          if (place.n !== undefined ? place.n >= storedUpTo : !place.stale && place.live.size * 2 >= place.total) continue;
          for (const item of place.live.values()) moving.push({ ...item, place });
        }
        if (moving.length + taken.open.length + taken.endpoints.length + erased.length === 0 && !hasEmptyBlock()) return { ...taken, erased };
        await move([...taken.open, ...moving]);
        const emptied = [...places.values()].filter(({ n, live }) => n === undefined && live.size === 0);
        for (const { key } of emptied) places.delete(key);
        for (const [lane, health] of taken.endpoints) if (!endpoints.has(lane)) endpoints.set(lane, health);
        await state.write();
        for (const { writer: dead, next: upTo } of adopt) takenUpTo.set(dead, upTo);
        for (const { key } of emptied) await guard.remove(key);
        return { ...taken, erased };
      } catch (error) {
        for (const { delivery } of taken.open) close(delivery); // they are taken over by the next try
        throw error;
      } finally {
        folded = new Map();
      }
    },
    flush: () => state.flush(),
  };

  function hasEmptyBlock(): boolean {
    for (const { n, live } of places.values()) if (n === undefined && live.size === 0) return true;
    return false;
  }
}
