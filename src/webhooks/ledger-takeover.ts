import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import type { EndpointHealth } from "./endpoint-health.ts";
import { decodeRest, type Progress, readLedgerState } from "./ledger-state.ts";
import { parseOwed } from "./owed.ts";
import type { Delivery } from "./payload.ts";

/** A delivery that is still owed, and how far it is. */
export interface OpenDelivery {
  delivery: Delivery;
  progress?: Progress;
}

/** What a process takes over from dead ones. */
export interface TakenOver {
  open: OpenDelivery[];
  endpoints: [lane: string, EndpointHealth][];
}

export interface TakeoverParts {
  guard: Guard;
  reporter: Reporter;
  /** What its segments hold that no checkpoint covers. */
  segments: Map<number, string[]> | undefined;
  /** Everything below this segment, and all blocks, were taken over before: it was only asleep. */
  from: number | undefined;
}

export async function readOwedBlock(guard: Guard, key: string): Promise<Delivery[] | undefined> {
  const held = await guard.read(key);
  if (held.state !== "found") return undefined;
  return held.body.toString("utf8").trimEnd().split("\n").map((line) => {
    const end = line.indexOf(" ");
    const delivery = parseOwed(line.slice(end + 1));
    if (end > 0) delivery.takenAt = Number(line.slice(0, end));
    return delivery;
  });
}

/** A line of such a block: when it was taken in, if it was; then its record and its event, as they were stored. */
export function toBlockLine({ takenAt }: Delivery, items: string): string {
  return `${takenAt ?? ""} ${items}\n`;
}

/** What a dead writer owes still: of its segments, and of its blocks. */
export async function readOwedBy(writer: string, { guard, reporter, segments, from }: TakeoverParts): Promise<TakenOver> {
  const open: OpenDelivery[] = [];
  const told = await readLedgerState(guard, writer);
  const add = (deliveries: Delivery[], live: Map<number, Progress | undefined>) => {
    for (const [index, progress] of live) {
      const delivery = deliveries[index];
      if (delivery) open.push({ delivery: { ...delivery }, ...(progress && { progress }) });
    }
  };
  for (const [key, done, opened] of from === undefined ? (told?.blocks ?? []) : []) {
    if (done === "*") continue;
    const deliveries = await readOwedBlock(guard, key);
    if (deliveries) add(deliveries, decodeRest(deliveries.length, [done, opened]));
    else reporter.report("error", "webhook-lost", "stored webhooks are damaged and are left out", { key });
  }
  const rests = new Map(told?.segments.map(([n, done, opened]) => [n, [done, opened] as const]));
  for (const [n, deliveries] of segments ?? []) {
    if (n < (told?.from ?? 0) || n < (from ?? 0)) continue;
    const rest = rests.get(n);
    add(deliveries.map(parseOwed), decodeRest(deliveries.length, rest && [...rest]));
  }
  return { open, endpoints: from === undefined ? (told?.endpoints ?? []) : [] };
}
