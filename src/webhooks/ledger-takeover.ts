import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import type { EndpointHealth } from "./endpoint-health.ts";
import { decodeRest, type Progress, readLedgerState } from "./ledger-state.ts";
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
  segments: Map<number, Delivery[]> | undefined;
  /** Everything below this segment, and all blocks, were taken over before: it was only asleep. */
  from: number | undefined;
}

export async function readOwedBlock(guard: Guard, key: string): Promise<Delivery[] | undefined> {
  const held = await guard.read(key);
  if (held.state !== "found") return undefined;
  const stored = JSON.parse(`[${held.body.toString("utf8").trimEnd().replaceAll("\n", ",")}]`) as (Omit<Delivery, "draft"> & { draft: unknown })[];
  return stored.map((delivery) => ({ ...delivery, draft: JSON.stringify(delivery.draft) }));
}

/** A line of such a block. The draft is JSON already, and is not to be parsed to be moved. */
export function toBlockLine({ id, siteId, endpoint, event, at, visitorId, takenAt }: Delivery, draft: string): string {
  return `${JSON.stringify({ id, siteId, endpoint, event, at, visitorId, takenAt }).slice(0, -1)},"draft":${draft}}\n`;
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
    add(deliveries, decodeRest(deliveries.length, rest && [...rest]));
  }
  return { open, endpoints: from === undefined ? (told?.endpoints ?? []) : [] };
}
