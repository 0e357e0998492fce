import type { StoredEvent } from "../../src/event.ts";

/** Traffic as it never is and always could be: every kind of session, pause, repetition and delay, by chance. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SITES = ["shop", "blog", "docs"];
const COUNTRIES = ["DE", "FR", "US", undefined];
const BROWSERS = ["Firefox", "Chrome", "Safari"];

/** Zones, each with moments around which its clocks change. */
const ZONES: [zone: string, changes: string[]][] = [
  ["UTC", ["2025-03-01T00:00:00Z"]],
  ["America/New_York", ["2025-03-09T07:00:00Z", "2025-11-02T06:00:00Z"]],
  ["Europe/Berlin", ["2025-03-30T01:00:00Z", "2025-10-26T01:00:00Z"]],
  ["Australia/Lord_Howe", ["2025-04-05T15:00:00Z", "2025-10-04T15:30:00Z"]],
  ["Asia/Kathmandu", ["2025-01-01T00:00:00Z"]],
];

export function createRandom(seed: number) {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return {
    below: (limit: number) => Math.floor(next() * limit),
    between: (from: number, to: number) => from + Math.floor(next() * (to - from + 1)),
    chance: (share: number) => next() < share,
    pick: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!,
  };
}
export type Random = ReturnType<typeof createRandom>;

export interface History {
  timeZone: string;
  now: number;
  sites: string[];
  /** In the order in which they arrive; some twice. */
  events: StoredEvent[];
}

export function inventHistory(random: Random): History {
  const [timeZone, changes] = random.pick(ZONES);
  const now = Date.parse(random.pick(changes)) + random.between(-2 * DAY, 6 * DAY);
  const sites = SITES.slice(0, random.between(1, 3));
  const dates = new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  const wanted = random.chance(0.03) ? random.between(300, 800) : random.between(5, 60);
  const arrivals: { event: StoredEvent; at: number }[] = [];
  let made = 0;

  function send(event: StoredEvent) {
    const late = random.chance(0.1) ? random.below(48 * HOUR) : random.chance(0.3) ? random.below(MINUTE) : 0;
    arrivals.push({ event, at: event.at + late });
    // the answer was lost: the client sends it again
    if (random.chance(0.08)) arrivals.push({ event, at: event.at + random.below(2 * HOUR) });
  }

  /** Everything one visitor does at one site. */
  function invade(siteId: string, visitorId: string) {
    // with ties: several hits in one millisecond, all from one browser and place
    const ties = random.chance(0.2);
    const used = new Set<number>();
    const home = { country: random.pick(COUNTRIES), browser: random.pick(BROWSERS) };
    const isBot = random.chance(0.1);
    const isMixed = random.chance(0.05);
    const keepsId = random.chance(0.1);
    const openPages: { pageviewId: string; path: string }[] = [];
    const momentOf = (at: number) => {
      if (ties) return at - (at % (5 * SECOND));
      let moment = at;
      while (used.has(moment)) moment++;
      used.add(moment);
      return moment;
    };
    function event(type: StoredEvent["type"], at: number, session: Pick<StoredEvent, "sessionId" | "visit" | "assigned">, more: Partial<StoredEvent>) {
      const moment = momentOf(at);
      const travels = !ties && random.chance(0.06);
      const { country, browser } = travels ? { country: random.pick(COUNTRIES), browser: random.pick(BROWSERS) } : home;
      send({
        id: `evt_${made++}`, siteId, type, at: moment, day: dates.format(moment), visitorId, ...session, ...more,
        ...(country && { country }), browser, os: "Linux", ...(visitorId.endsWith("1") && { device: "mobile" as const }),
        ...((isBot || (isMixed && random.chance(0.5))) && { bot: ["user agent"] }),
      });
    }

    let at = now - random.below(random.pick([HOUR, DAY, 4 * DAY, 10 * DAY]));
    let visit = random.chance(0.7) ? 1 : random.between(2, 5);
    for (let s = random.between(1, 3); s > 0 && arrivals.length < wanted; s--, visit++) {
      const kind = random.pick(["sent", "sent", "assigned", "assigned", "echoed", "split"]);
      // some clients keep one id for ever, over days on which they are silent
      const names = keepsId ? [`s_${visitorId}`, `s_${visitorId}`] : [`s${made}_a`, `s${made}_b`];
      const pace = random.pick([5 * SECOND, MINUTE, 10 * MINUTE, 40 * MINUTE, 5 * HOUR]);
      const steps = random.pick([1, 1, 2, 4, 8]);
      for (let step = 0; step < steps; step++) {
        const isAssigned = kind === "assigned" || kind === "split" || (kind === "echoed" && step === 0);
        const session = {
          sessionId: kind === "split" ? random.pick(names) : names[0]!,
          visit: random.chance(0.05) ? visit + 1 : visit,
          ...(isAssigned && { assigned: true as const }),
        };
        const what = random.below(10);
        const page = openPages.length > 0 && random.chance(0.8) ? random.pick(openPages) : { pageviewId: `pv_${made}_x`, path: "/lost" };
        if (what < 5) {
          const opened = { pageviewId: `pv_${made}`, path: `/${random.below(5)}` };
          openPages.push(opened);
          event("pageview", at, session, opened);
          // sent again under another event id, a little later, perhaps after midnight
          if (random.chance(0.08)) event("pageview", at + random.below(HOUR), session, { ...opened, ...(!ties && { path: "/again" }) });
          if (random.chance(0.05)) event("pageview", at, session, { path: "/no-id" });
        } else if (what < 7) {
          event("event", at, session, { name: "Signed Up", path: page.path });
        } else {
          const engagedSeconds = random.pick([0, 0.04, 3.25, 9.94, 9.95, 10, 61.7, 2_000]);
          event("engagement", at + random.below(2 * MINUTE), session, { ...page, engagedSeconds });
        }
        at += random.below(pace);
      }
      at += random.pick([0, 10 * MINUTE, 30 * MINUTE, 31 * MINUTE, DAY, ...(keepsId ? [2 * DAY, 3 * DAY] : [])]);
    }
  }

  for (let v = 0; arrivals.length < wanted; v++) invade(random.pick(sites), `vis_${v}`);
  return { timeZone, now, sites, events: arrivals.sort((a, b) => a.at - b.at).map(({ event }) => event) };
}
