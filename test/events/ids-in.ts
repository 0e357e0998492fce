import type { EventStore } from "../../src/events/event-store.ts";

/** The ids of a site's stored events, sorted; one that is exported twice is there twice. */
export async function idsIn(store: Pick<EventStore, "read">, siteId = "shop"): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of store.read(siteId)) ids.push(id);
  return ids.sort();
}
