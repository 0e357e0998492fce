import type { Device, FingerprintQuality, IdentityTier, StoredEvent } from "../event.ts";
import { bestQuality, bestTier } from "./accuracy.ts";
import type { SessionMark } from "./session.ts";

/** What we know of one visitor. Plain JSON, bounded; times are epoch milliseconds. */
export interface VisitorProfile {
  siteId: string;
  visitorId: string;
  firstSeen: number;
  lastSeen: number;
  /** Sessions so far. */
  visits: number;
  pageviews: number;
  events: number;
  /** Visible and active seconds: the largest report of each pageview, added up. */
  engagedSeconds: number;
  /** The latest sessions, latest first. */
  sessions: SessionMark[];
  country?: string;
  browser?: string;
  os?: string;
  device?: Device["device"];
  language?: string;
  /** The host's signed-in user; only as sure as `tier` says. */
  userId?: string;
  tier?: IdentityTier;
  quality?: FingerprintQuality;
  /** Reasons, when hits labelled as a bot's were counted. */
  bot?: string[];
  /** The different browser/system/device combinations seen: more than one lowers the confidence. */
  clients: string[];
  /** The latest pageview: an engagement report without a `pageviewId` is about it. */
  lastPageview?: { id: string; path: string; at: number };
  /** Engaged seconds of the latest pageviews, so that a repeated or larger report adds only what is new. */
  engaged: { pageview: string; seconds: number }[];
  /** When the values of these groups were said last: the latest wins in whatever order events come. */
  saidAt: { client?: number; country?: number; language?: number; userId?: number };
}

const MAX_SESSIONS = 8;
const MAX_CLIENTS = 4;
const MAX_BOT_REASONS = 8;
const MAX_ENGAGED = 20;
/** A pageview's engaged time beyond this is a tab that was left open. */
const MAX_ENGAGED_SECONDS = 1_800;

function emptyProfile(siteId: string, visitorId: string, at: number): VisitorProfile {
  return {
    siteId,
    visitorId,
    firstSeen: at,
    lastSeen: at,
    visits: 1,
    pageviews: 0,
    events: 0,
    engagedSeconds: 0,
    sessions: [],
    clients: [],
    engaged: [],
    saidAt: {},
  };
}

/** Latest wins; at the same moment the larger text, so that the order of arrival does not matter. */
function isNews(before: string | undefined, beforeAt: number | undefined, value: string, at: number): boolean {
  if (beforeAt === undefined || at > beforeAt) return true;
  return at === beforeAt && value > (before ?? "");
}

/**
 * The profile with one event folded in; `undefined` in: the visitor's first event. Changes and returns the profile
 * it was given. The outcome does not depend on the order of the events, as long as they are recent.
 */
export function foldVisitor(profile: VisitorProfile | undefined, event: StoredEvent): VisitorProfile {
  const { at } = event;
  const p = profile ?? emptyProfile(event.siteId, event.visitorId, at);
  if (at < p.firstSeen) p.firstSeen = at;
  if (at > p.lastSeen) p.lastSeen = at;
  if (event.visit > p.visits) p.visits = event.visit;
  if (event.type === "pageview") p.pageviews++;
  else if (event.type === "event") p.events++;
  foldSession(p, {
    id: event.sessionId,
    start: at,
    lastSeen: at,
    visit: event.visit,
    ...(event.assigned && { assigned: true as const }),
  });
  if (event.browser !== undefined || event.os !== undefined) {
    foldClient(p, event.browser, event.os, event.device, at);
  }
  const { saidAt } = p;
  if (event.country !== undefined && isNews(p.country, saidAt.country, event.country, at)) {
    p.country = event.country;
    saidAt.country = at;
  }
  if (event.language !== undefined && isNews(p.language, saidAt.language, event.language, at)) {
    p.language = event.language;
    saidAt.language = at;
  }
  if (event.userId !== undefined && isNews(p.userId, saidAt.userId, event.userId, at)) {
    p.userId = event.userId;
    saidAt.userId = at;
  }
  if (event.tier !== undefined) p.tier = bestTier(p.tier, event.tier);
  if (event.quality !== undefined) p.quality = bestQuality(p.quality, event.quality);
  if (event.bot) p.bot = union(p.bot ?? [], event.bot, MAX_BOT_REASONS);
  if (event.type === "pageview" && event.pageviewId !== undefined && event.path !== undefined) {
    foldPageview(p, { id: event.pageviewId, path: event.path, at });
  }
  if (event.engagedSeconds !== undefined) {
    foldEngaged(p, event.pageviewId ?? `${event.sessionId} ${event.path}`, event.engagedSeconds);
  }
  return p;
}

function foldSession(p: VisitorProfile, mark: SessionMark): void {
  const first = p.sessions[0];
  const known = first?.id === mark.id ? first : p.sessions.find((session) => session.id === mark.id);
  if (known) {
    if (mark.start < known.start) known.start = mark.start;
    if (mark.visit < known.visit) known.visit = mark.visit;
    if (!mark.assigned) delete known.assigned;
    if (mark.lastSeen <= known.lastSeen) return;
    known.lastSeen = mark.lastSeen;
  } else {
    p.sessions.push(mark);
  }
  moveUp(p.sessions, known ? p.sessions.indexOf(known) : p.sessions.length - 1);
  if (p.sessions.length > MAX_SESSIONS) p.sessions.length = MAX_SESSIONS;
}

/** The others stand in order; one that was just seen can only have moved up. */
function moveUp(sessions: SessionMark[], from: number): void {
  const moved = sessions[from]!;
  let i = from;
  for (; i > 0 && isBefore(moved, sessions[i - 1]!); i--) sessions[i] = sessions[i - 1]!;
  sessions[i] = moved;
}

/** Latest first; at the same moment by id, so that the order of arrival does not matter. */
function isBefore(a: SessionMark, b: SessionMark): boolean {
  return a.lastSeen === b.lastSeen ? a.id < b.id : a.lastSeen > b.lastSeen;
}

function foldClient(
  p: VisitorProfile,
  browser: string | undefined,
  os: string | undefined,
  device: Device["device"],
  at: number,
): void {
  const client = `${browser ?? ""}|${os ?? ""}|${device ?? ""}`;
  if (!p.clients.includes(client)) p.clients = union(p.clients, [client], MAX_CLIENTS);
  const before = `${p.browser ?? ""}|${p.os ?? ""}|${p.device ?? ""}`;
  if (!isNews(before, p.saidAt.client, client, at)) return;
  p.browser = browser;
  p.os = os;
  p.device = device;
  p.saidAt.client = at;
}

function foldPageview(p: VisitorProfile, view: { id: string; path: string; at: number }): void {
  const last = p.lastPageview;
  if (!last || view.at > last.at || (view.at === last.at && view.id > last.id)) p.lastPageview = view;
}

function foldEngaged(p: VisitorProfile, pageview: string, reported: number): void {
  const seconds = Math.min(reported, MAX_ENGAGED_SECONDS);
  const known = p.engaged.find((one) => one.pageview === pageview);
  if (known) {
    if (seconds <= known.seconds) return;
    p.engagedSeconds += seconds - known.seconds;
    known.seconds = seconds;
    return;
  }
  p.engagedSeconds += seconds;
  p.engaged.push({ pageview, seconds });
  if (p.engaged.length > MAX_ENGAGED) p.engaged.shift();
}

/** Sorted, so that it does not matter who came first. */
function union(a: string[], b: string[], max: number): string[] {
  return [...new Set([...a, ...b])].sort().slice(0, max);
}

/** Two parts of one visitor's history (disjoint events) as one. Changes neither. */
export function mergeVisitors(a: VisitorProfile, b: VisitorProfile): VisitorProfile {
  const merged: VisitorProfile = {
    ...a,
    sessions: a.sessions.map((session) => ({ ...session })),
    engaged: a.engaged.map((one) => ({ ...one })),
    saidAt: { ...a.saidAt },
  };
  merged.firstSeen = Math.min(a.firstSeen, b.firstSeen);
  merged.lastSeen = Math.max(a.lastSeen, b.lastSeen);
  merged.visits = Math.max(a.visits, b.visits);
  merged.pageviews += b.pageviews;
  merged.events += b.events;
  for (const session of b.sessions) foldSession(merged, { ...session });
  merged.clients = union(a.clients, b.clients, MAX_CLIENTS);
  const said = b.saidAt;
  if (said.client !== undefined) foldClient(merged, b.browser, b.os, b.device, said.client);
  for (const field of ["country", "language", "userId"] as const) {
    const value = b[field];
    const at = said[field];
    if (value === undefined || at === undefined || !isNews(a[field], a.saidAt[field], value, at)) continue;
    merged[field] = value;
    merged.saidAt[field] = at;
  }
  if (b.tier) merged.tier = bestTier(a.tier, b.tier);
  if (b.quality) merged.quality = bestQuality(a.quality, b.quality);
  if (b.bot) merged.bot = union(a.bot ?? [], b.bot, MAX_BOT_REASONS);
  if (b.lastPageview) foldPageview(merged, { ...b.lastPageview });
  merged.engagedSeconds += b.engagedSeconds - sumOf(b.engaged);
  for (const one of b.engaged) foldEngaged(merged, one.pageview, one.seconds);
  return merged;
}

function sumOf(engaged: VisitorProfile["engaged"]): number {
  let sum = 0;
  for (const one of engaged) sum += one.seconds;
  return sum;
}
