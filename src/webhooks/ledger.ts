import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { keys } from "../storage/keys.ts";
import type { EndpointHealth } from "./endpoint-health.ts";
import { encodeRest, type Progress } from "./ledger-state.ts";
import { type OpenDelivery, readOwedBlock, readOwedBy, type TakenOver, toBlockLine } from "./ledger-takeover.ts";
import { createStateWriter } from "./ledger-writer.ts";
import { type Owing, parseOwed, toItems, withEvent } from "./owed.ts";
import type { Delivery } from "./payload.ts";
import { sizeOf } from "./payload.ts";

/** Drafts kept in memory, in characters; of what is owed beyond that only the reference is. */
export const MAX_HELD_CHARS = 4 * 1024 * 1024;
/** Characters of one block: about a millisecond of parsing. */
const BLOCK_CHARS = 256 * 1024;

/** A segment or a block that holds deliveries. */
interface Place {
  key: string;
  /** Set for an own segment. */
  n?: number;
  /** By their number in it; `undefined` once done with. */
  slots: (Kept | undefined)[];
  /** Of them still owed. */
  left: number;
  /** The state's words for it, until something changes. */
  text?: string;
  /** As it was stored. */
  untouched: boolean;
  /** Holds what should not be in storage any more. */
  stale?: true;
}

/** A delivery in its place. Fields of the delivery itself: a map from one to the other costs every event its part. */
interface Kept extends Delivery {
  place?: Place;
  index?: number;
  progress?: Progress;
}

/** An owed delivery as a segment holds it; `owed` is what this process appended just now. */
export interface SegmentOwed {
  record: string;
  /** The event's JSON. */
  line: string;
  owed?: object;
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
  stored(n: number, owed: SegmentOwed[]): Delivery[];
  /** Stores deliveries that no segment holds. */
  put(deliveries: Delivery[]): Promise<void>;
  note(delivery: Delivery, progress: Progress | "done" | "erased"): void;
  noteHealth(lane: string, health: EndpointHealth | undefined): void;
  /** Its draft, read from storage when it is not in memory; `undefined` when it is not there any more. */
  draftOf(delivery: Delivery): string | Promise<string | undefined>;
  /** A segment is about to go, this process's own or that of a dead one. */
  fold(writer: string, n: number, owed: () => SegmentOwed[]): void;
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
  owedIn(n: number): Promise<SegmentOwed[] | undefined>;
  /** @default MAX_HELD_CHARS */
  maxHeldChars?: number;
}

export function createLedger(options: LedgerOptions): Ledger {
  const { guard, writer, reporter, owedIn, maxHeldChars = MAX_HELD_CHARS } = options;
  const places = new Map<string, Place>();
  const endpoints = new Map<string, EndpointHealth>();
  /** Record and event of each, of dead writers and of own segments whose drafts are not in memory; emptied by each carrying. */
  let folded = new Map<string, Map<number, string[]>>();
  const takenUpTo = new Map<string, number>();
  let next = 0;
  let generation = 0;
  let heldChars = 0;
  let cached: { key: string; deliveries: Delivery[] } | undefined;
  const state = createStateWriter({ guard, writer, reporter, encode });

  /** The state as JSON, but for its number. Places keep their text: most have not changed since the last time. */
  function encode(): string {
    let from = next;
    for (const { n, left } of places.values()) if (n !== undefined && left > 0 && n < from) from = n;
    const segments: string[] = [];
    const blocks: string[] = [];
    for (const place of places.values()) {
      const { key, n, slots } = place;
      if (n !== undefined && n < from) {
        places.delete(key);
        continue;
      }
      if (n !== undefined && place.untouched) continue;
      place.text ??= encodeRest(slots);
      if (n === undefined) blocks.push(`[${JSON.stringify(key)},${place.text}]`);
      else segments.push(`[${n},${place.text}]`);
    }
    return `"from":${from},"segments":[${segments}],"blocks":[${blocks}],"endpoints":${JSON.stringify([...endpoints])}`;
  }

  function openPlace(key: string, n?: number): Place {
    const place: Place = { key, slots: [], left: 0, untouched: true, ...(n !== undefined && { n }) };
    places.set(key, place);
    return place;
  }

  /** In the next slot of the place. */
  function keep(place: Place, delivery: Kept, progress: Progress | undefined) {
    delivery.place = place;
    delivery.index = place.slots.push(delivery) - 1;
    delivery.progress = progress;
    place.left++;
    const chars = delivery.draft.length;
    if (heldChars + chars <= maxHeldChars) heldChars += chars;
    else {
      delivery.size = sizeOf(delivery);
      delivery.draft = "";
    }
  }

  /** It is not owed there any more. False when it was not. */
  function close(delivery: Kept): boolean {
    const { place, index } = delivery;
    if (!place) return false;
    place.slots[index!] = undefined;
    place.left--;
    delivery.place = undefined;
    heldChars -= delivery.draft.length;
    touch(place);
    return true;
  }

  function touch(place: Place) {
    place.untouched = false;
    place.text = undefined;
  }

  async function readPlace({ key, n }: Place): Promise<Delivery[] | undefined> {
    if (cached?.key === key) return cached.deliveries;
    const deliveries = n === undefined ? await readOwedBlock(guard, key) : (await owedIn(n))?.map((owed) => parseOwed(itemsOf(owed)));
    if (deliveries) cached = { key, deliveries };
    return deliveries;
  }

  async function load(delivery: Kept): Promise<string | undefined> {
    for (;;) {
      const { place, index } = delivery;
      const found = place && (await readPlace(place))?.[index!];
      if (found) return found.draft;
      if (delivery.place === place) return undefined; // else it moved while it was looked for
    }
  }

  function itemsFor(delivery: Kept): string | Promise<string | undefined> {
    const { place, index, draft } = delivery;
    const own = place?.n === undefined ? undefined : folded.get(writer)?.get(place.n)?.[index!];
    if (draft !== "" || own !== undefined) return own ?? toItems(delivery, draft);
    return load(delivery).then((loaded) => (loaded === undefined ? undefined : toItems(delivery, loaded)));
  }

  /** Stores open deliveries in new blocks; they lie there from now on. */
  async function move(open: OpenDelivery[]): Promise<void> {
    let lines: string[] = [];
    let chars = 0;
    let block: { delivery: Kept; from: Place | undefined; progress: Progress | undefined }[] = [];
    const write = async () => {
      if (block.length === 0) return;
      const key = keys.owed(writer, generation++);
      await guard.write(key, lines.join(""));
      const place = openPlace(key);
      for (const { delivery, from, progress } of block) {
        // what was delivered while this was written is done with, what it came to otherwise is newer
        const known = from ? delivery.progress : progress;
        if (!from || (delivery.place === from && close(delivery))) keep(place, delivery, known);
        else place.slots.push(undefined);
      }
      [lines, block, chars] = [[], [], 0];
    };
    for (const { delivery, progress } of open) {
      const from = (delivery as Kept).place;
      const found = itemsFor(delivery);
      const items = typeof found === "string" ? found : await found;
      if (items === undefined) {
        reporter.report("error", "webhook-lost", `the payload of webhook ${delivery.id} cannot be read any more`);
        continue;
      }
      const line = toBlockLine(delivery, items);
      lines.push(line);
      block.push({ delivery, from, progress });
      chars += line.length;
      if (chars >= BLOCK_CHARS) await write();
    }
    await write();
  }

  return {
    stored(n, owed) {
      next = n + 1;
      const place = owed.length > 0 ? openPlace(keys.segment(writer, n), n) : undefined;
      return owed.map(({ line, owed: appended }) => {
        const delivery = withEvent(appended as Owing, line);
        keep(place!, delivery, undefined);
        return delivery;
      });
    },
    async put(deliveries) {
      await move(deliveries.map((delivery) => ({ delivery })));
      await state.write();
    },
    note(delivery: Kept, progress) {
      const { place } = delivery;
      if (!place) return;
      if (progress === "erased") place.stale = true;
      if (typeof progress === "string") close(delivery);
      else {
        delivery.progress = progress;
        touch(place);
      }
      state.changed();
    },
    noteHealth(lane, health) {
      if (health) endpoints.set(lane, health);
      else if (!endpoints.delete(lane)) return;
      state.changed();
    },
    draftOf: (delivery) => delivery.draft || load(delivery),
    fold(owner, n, owed) {
      if (n < (takenUpTo.get(owner) ?? 0)) return;
      if (owner === writer && !places.get(keys.segment(writer, n))?.slots.some((delivery) => delivery?.draft === "")) return;
      const segments = folded.get(owner) ?? new Map<number, string[]>();
      folded.set(owner, segments.set(n, owed().map(itemsOf)));
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
        const moving: OpenDelivery[] = [];
        for (const place of places.values()) {
          for (const delivery of place.slots) {
            if (!delivery || !gone(delivery)) continue;
            erased.push(delivery);
            close(delivery);
            place.stale = true;
          }
          if (place.n !== undefined ? place.n >= storedUpTo : !place.stale && place.left * 2 >= place.slots.length) continue;
          for (const delivery of place.slots) if (delivery) moving.push({ delivery });
        }
        if (moving.length + taken.open.length + taken.endpoints.length + erased.length === 0 && ![...places.values()].some(isEmptyBlock)) return { ...taken, erased };
        await move([...taken.open, ...moving]);
        const emptied = [...places.values()].filter(isEmptyBlock);
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
}

function itemsOf({ record, line }: SegmentOwed): string {
  return `${record},${line}`;
}

function isEmptyBlock({ n, left }: Place): boolean {
  return n === undefined && left === 0;
}
