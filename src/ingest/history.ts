import type { ProfileStore } from "../profile-store.ts";
import { assignSession, visitOf } from "../identity/session.ts";
import { createId } from "../ids.ts";
import type { VisitorKnowledge } from "./knowledge.ts";
import type { Context, Identified, Judged, Known, Loaded, Written } from "./stages.ts";
import { isPromise } from "./steps.ts";

export interface HistorySteps {
  /** Loads what is known of the visitor. */
  load(hit: Identified, context: Context): Loaded | Promise<Loaded>;
  /** Chooses the session; never waits. */
  chooseSession(hit: Loaded, context: Context): Known;
  /** Folds the hit into the visitor's profile. */
  record(hit: Written, context: Context): Judged | Promise<Judged>;
}

export interface HistorySettings {
  profiles: ProfileStore<VisitorKnowledge>;
  /** Whether a hit labelled as a bot's touches the visitor's profile. */
  countBots: boolean;
  sessionTimeoutMs?: number;
}

/** The steps around a visitor's profile. */
export function createHistorySteps(settings: HistorySettings): HistorySteps {
  const { profiles, countBots } = settings;
  const sessionOptions = { timeoutMs: settings.sessionTimeoutMs };
  /**
   * Hits whose profile is being read, by visitor. Two hits of a new visitor that arrive together would each find
   * nothing and open a session of their own: the second waits until the first is recorded.
   */
  const reading = new Map<string, Promise<Loaded>>();

  const isLeftOut = (hit: { bot: string[] | undefined }) => hit.bot !== undefined && !countBots;

  function load(hit: Identified, { site }: Context): Loaded | Promise<Loaded> {
    const loaded = hit as Loaded;
    loaded.before = undefined;
    if (isLeftOut(hit)) return loaded;
    const read = () => profiles.load(site.id, hit.visitorId);
    const key = `${site.id}\n${hit.visitorId}`;
    const first = reading.size > 0 ? reading.get(key) : undefined;
    // when the first one's reading fails, so does the second's: it has waited a whole deadline already
    const found = first ? first.then(read) : read();
    if (!isPromise(found)) {
      loaded.before = found;
      return loaded;
    }
    const gate = found
      .then((known) => {
        loaded.before = known;
        return loaded;
      })
      .finally(() => {
        if (reading.get(key) === gate) reading.delete(key);
      });
    reading.set(key, gate);
    return gate;
  }

  function chooseSession(hit: Loaded, { input }: Context): Known {
    const known = hit as Known;
    const visitor = hit.before?.visitor;
    known.isNew = visitor === undefined;
    const own = hit.private ? undefined : input.sessionId;
    known.session =
      own === undefined ? assignSession(visitor, hit.at, sessionOptions) : { id: own, visit: visitOf(visitor, own) };
    known.pageviewId = input.type === "event" ? undefined : input.pageviewId;
    // a repeat through another process must be the same pageview
    if (input.type === "pageview") known.pageviewId ??= input.eventId ?? createId("pv");
    // an engagement report that does not say which pageview it is about is about the last one of its page
    const last = visitor?.lastPageview;
    if (input.type === "engagement" && last && last.path === hit.page?.path) known.pageviewId ??= last.id;
    return known;
  }

  function record(hit: Written, { site }: Context): Judged | Promise<Judged> {
    const judged = hit as Judged;
    judged.knowledge = undefined;
    if (isLeftOut(hit)) return judged;
    profiles.record(hit.event);
    const after = profiles.load(site.id, hit.visitorId);
    if (!isPromise(after)) {
      judged.knowledge = after;
      return judged;
    }
    return after.then((known) => {
      judged.knowledge = known;
      return judged;
    });
  }

  return { load, chooseSession, record };
}
