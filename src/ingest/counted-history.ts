import type { StoredEvent } from "../event.ts";
import type { EventStore } from "../events/event-store.ts";

/** A visitor's events, newest first, as far as they count for the profile. */
export async function* countedHistory(events: EventStore, siteId: string, visitorId: string, withBots: boolean): AsyncGenerator<StoredEvent> {
  let cursor: string | undefined;
  do {
    const page = await events.timeline(siteId, visitorId, { limit: 1_000, cursor });
    for (const event of page.events) if (withBots || !event.bot) yield event;
    cursor = page.cursor;
  } while (cursor !== undefined);
}
