import type { EventStore } from "../../src/events/event-store.ts";
import type { EventStoreSubject } from "../../src/testing/event-store-cases.ts";

/** A store with one defect, and the case of the contract that must notice it. */
export interface BrokenStore {
  defect: string;
  breakStore(subject: EventStoreSubject): EventStoreSubject;
  caughtBy: string;
}

/** The same defect in every store that the subject opens. */
function inAll(subject: EventStoreSubject, change: (store: EventStore) => Partial<EventStore>): EventStoreSubject {
  const broken = (store: EventStore): EventStore => ({ ...store, ...change(store) });
  return {
    ...subject,
    store: broken(subject.store),
    reopen: async (how) => broken(await subject.reopen(how)),
    second: async () => broken(await subject.second()),
  };
}

let copies = 0;

export const brokenStores: BrokenStore[] = [
  {
    defect: "acknowledges before it stores",
    breakStore(subject) {
      let crashes = 0;
      const broken = inAll(subject, (store) => {
        const before = crashes;
        // what was not stored at the crash never is
        return { append: async (batch) => void setTimeout(() => crashes === before && store.append(batch).catch(() => {}), 20) };
      });
      const reopen: EventStoreSubject["reopen"] = (how) => {
        if (how === "crash") crashes++;
        return broken.reopen(how);
      };
      return { ...broken, reopen };
    },
    caughtBy: "an acknowledged event outlives a crash right after",
  },
  {
    defect: "counts an event id twice",
    breakStore: (subject) =>
      inAll(subject, (store) => ({
        append: (batch) => {
          const renamed = (id: string | undefined) => id && `${id}_${copies++}`;
          return store.append({ events: batch.events.map((event) => ({ ...event, id: renamed(event.id)!, pageviewId: renamed(event.pageviewId) })) });
        },
      })),
    caughtBy: "the same event id counts once, in one batch, in two, and after a restart",
  },
  {
    defect: "removes nothing when it erases",
    breakStore: (subject) => inAll(subject, () => ({ erase: async () => {} })),
    caughtBy: "an erased visitor is gone from reads, timeline and report, also after a restart",
  },
  {
    defect: "cuts days in UTC",
    breakStore: (subject) =>
      inAll(subject, (store) => ({
        append: (batch) => store.append({ events: batch.events.map((event) => ({ ...event, day: new Date(event.at).toISOString().slice(0, 10) })) }),
      })),
    caughtBy: "a day is the day the event names, in the site's time zone",
  },
  {
    defect: "counts bots",
    breakStore: (subject) => inAll(subject, (store) => ({ report: (query) => store.report({ ...query, includeBots: true }) })),
    caughtBy: "bots are left out and counted apart, or counted with their label",
  },
  {
    defect: "ignores the country",
    breakStore: (subject) => inAll(subject, (store) => ({ report: (query) => store.report({ ...query, country: undefined }) })),
    caughtBy: "the country filter leaves only events from there",
  },
  {
    defect: "loses what a crash interrupts",
    breakStore(subject) {
      let kept: EventStore = subject.store;
      return { ...subject, reopen: async (how) => (kept = how === "crash" ? await subject.second().then(async (store) => ({ ...store, async *read() {}, report: async (query) => ({ ...(await store.report(query)), totalPageviews: 0 }) })) : await subject.reopen(how)), close: async () => void (await kept.close(), await subject.close()) };
    },
    caughtBy: "an acknowledged event outlives a crash right after",
  },
  {
    defect: "does not see other processes",
    breakStore: (subject) => ({
      ...subject,
      second: async () => {
        const other = await subject.second();
        return { ...other, append: async () => {} };
      },
    }),
    caughtBy: "what another process stored is in every report within 2 seconds",
  },
  {
    defect: "adds engagement up",
    breakStore: (subject) =>
      inAll(subject, (store) => ({
        append: (batch) => store.append({ events: batch.events.map((event) => (event.type === "engagement" ? { ...event, pageviewId: "pv_x", engagedSeconds: (event.engagedSeconds ?? 0) + 20 } : event)) }),
      })),
    caughtBy: "of cumulative engagement the largest counts, however often and in whatever order it comes",
  },
  {
    defect: "ends a range one too late",
    breakStore: (subject) => inAll(subject, (store) => ({ read: (siteId, range) => store.read(siteId, { ...range, to: range?.to === undefined ? undefined : range.to + 1 }) })),
    caughtBy: "a range reads from its start up to, not including, its end",
  },
  {
    defect: "begins a read anew whatever the reader has",
    breakStore: (subject) => inAll(subject, (store) => ({ read: (siteId, range) => store.read(siteId, { ...range, after: undefined }) })),
    caughtBy: "a read goes by time, then by id, and goes on behind any event of it, also after a restart",
  },
  {
    defect: "answers a timeline oldest first",
    breakStore: (subject) =>
      inAll(subject, (store) => ({
        async timeline(siteId, visitorId, page) {
          const found = await store.timeline(siteId, visitorId, page);
          return { ...found, events: found.events.toReversed() };
        },
      })),
    caughtBy: "a timeline is one visitor's, newest first, page by page",
  },
  {
    defect: "cannot be closed twice",
    breakStore(subject) {
      let closed = 0;
      return { ...subject, store: { ...subject.store, close: async () => { if (closed++) throw new Error("closed"); await subject.store.close(); } } };
    },
    caughtBy: "close can be called twice, and stores what was appended",
  },
];
