import { AnalyticsError } from "../errors.ts";
import type { ExportRange, ReplaysQuery, TimelineQuery, VisitorsQuery } from "./api.ts";
import { CLIENT_ID } from "../ids.ts";

const DEFAULT_VISITORS = 50;
const MAX_VISITORS = 1_000;
const DEFAULT_DAYS = 30;
const MAX_DAYS = 395;

function invalid(message: string): AnalyticsError {
  return new AnalyticsError("VALIDATION_ERROR", message);
}

/** Decodes one part of a path or query; 400 when it cannot be. */
export function decodePart(text: string, name: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`${name} is not validly percent-encoded`);
  }
}

/** The named parameters of a raw query; others are ignored, one that comes twice is a 400. */
export function readParameters<Name extends string>(query: string, names: readonly Name[]): Partial<Record<Name, string>> {
  const found: Partial<Record<Name, string>> = {};
  for (const part of query === "" ? [] : query.split("&")) {
    const at = part.indexOf("=");
    const name = decodePart(at === -1 ? part : part.slice(0, at), "The query") as Name;
    if (!names.includes(name)) continue;
    if (found[name] !== undefined) throw invalid(`${name} may be given only once`);
    found[name] = at === -1 ? "" : decodePart(part.slice(at + 1).replaceAll("+", " "), name);
  }
  return found;
}

/** Fields that are yet to be checked: parameters of a query, or what a call in this process gave. */
export type Unchecked<Query> = { [Name in keyof Query]?: unknown };

export function parseWhole(given: unknown, name: string, max: number, fallback: number): number {
  if (given === undefined) return fallback;
  const value = typeof given === "string" && /^\d{1,6}$/.test(given) ? Number(given) : given;
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > max) throw invalid(`${name} must be an integer from 1 to ${max}`);
  return value as number;
}

export function parseVisitorsQuery(query: string): VisitorsQuery {
  return toVisitorsQuery(readParameters(query, ["limit", "days", "country"]));
}

export function toVisitorsQuery({ limit, days, country }: Unchecked<VisitorsQuery>): VisitorsQuery {
  if (country !== undefined && !(typeof country === "string" && /^[A-Za-z]{2}$/.test(country))) {
    throw invalid("country must be an ISO 3166-1 alpha-2 code, e.g. US");
  }
  return {
    limit: parseWhole(limit, "limit", MAX_VISITORS, DEFAULT_VISITORS),
    days: parseWhole(days, "days", MAX_DAYS, DEFAULT_DAYS),
    ...(country !== undefined && { country: country.toUpperCase() }),
  };
}

const DEFAULT_TIMELINE = 100;

export function parseTimelineQuery(query: string): TimelineQuery {
  return toTimelineQuery(readParameters(query, ["limit", "cursor"]));
}

export function toTimelineQuery({ limit, cursor }: Unchecked<TimelineQuery>): TimelineQuery {
  if (cursor !== undefined && typeof cursor !== "string") throw invalid("cursor must be that of the page before");
  return { limit: parseWhole(limit, "limit", MAX_VISITORS, DEFAULT_TIMELINE), ...(cursor !== undefined && { cursor }) };
}

const ISO_DATE = /^\d{4}-\d{2}-\d{2}(T[0-9:.]{4,15}(Z|[+-]\d{2}:?\d{2})?)?$/;

export function parseMoment(given: unknown, name: string): number | undefined {
  if (given === undefined) return undefined;
  const at = typeof given === "string" ? momentOf(given) : given instanceof Date ? given.getTime() : given;
  if (typeof at !== "number" || Number.isNaN(at)) throw invalid(`${name} must be an ISO 8601 date or epoch milliseconds`);
  return at;
}

function momentOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const [, time, zone] = ISO_DATE.exec(text) ?? [];
  const day = text.slice(0, 10);
  // a date that does not exist would be read as one of the next month, and a time without a zone as local to the server
  const exists = !Number.isNaN(Date.parse(day)) && new Date(day).toISOString().startsWith(day);
  return ISO_DATE.test(text) && exists ? Date.parse(time && !zone ? `${text}Z` : text) : Number.NaN;
}

/** `at` and `id` of an event, joined by a comma. */
const CURSOR = /^(-?\d{1,16}(?:\.\d{1,6})?),([A-Za-z0-9_.:-]{1,128})$/;

function parseCursor(text: string | undefined): ExportRange["after"] {
  if (text === undefined) return undefined;
  const [, at, id] = CURSOR.exec(text) ?? [];
  if (id === undefined) throw invalid("cursor must be the at and the id of the last event you have, joined by a comma");
  return { at: Number(at), id };
}

export function parseExportRange(query: string): ExportRange {
  const { cursor, ...range } = readParameters(query, ["from", "to", "cursor"]);
  return toExportRange({ ...range, after: parseCursor(cursor) });
}

export function toExportRange(range: Unchecked<ExportRange>): ExportRange {
  const from = parseMoment(range.from, "from");
  const to = parseMoment(range.to, "to");
  if (from !== undefined && to !== undefined && from > to) throw invalid("from must not be later than to");
  const after = range.after as ExportRange["after"] | null;
  if (after !== undefined && !(Number.isFinite(after?.at) && typeof after?.id === "string")) {
    throw invalid("after must be { at, id } of the last event you have");
  }
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }), ...(after && { after }) };
}

const LEVELS = ["low", "medium", "high"] as const;

export function parseReplaysQuery(query: string): ReplaysQuery {
  return toReplaysQuery(readParameters(query, ["limit", "visitorId", "level", "minSeconds", "cursor", "from", "to"]));
}

export function toReplaysQuery({ limit, level, minSeconds, cursor, ...given }: Unchecked<ReplaysQuery>): ReplaysQuery {
  const visitorId = given.visitorId === undefined ? undefined : parseVisitorId(given.visitorId);
  const known = LEVELS.find((name) => name === level);
  if (level !== undefined && !known) throw invalid("level must be low, medium or high");
  if (cursor !== undefined && !(typeof cursor === "string" && cursor.length <= 150)) throw invalid("cursor is not one of ours");
  const from = parseMoment(given.from, "from");
  const to = parseMoment(given.to, "to");
  return {
    limit: parseWhole(limit, "limit", MAX_VISITORS, DEFAULT_VISITORS),
    ...(visitorId !== undefined && { visitorId }),
    ...(known && { level: known }),
    ...(minSeconds !== undefined && { minSeconds: parseWhole(minSeconds, "minSeconds", 3_600, 1) }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(cursor !== undefined && { cursor }),
  };
}

/** Which tab of a recording. */
export function parseTab(query: string): string | undefined {
  return toTab(readParameters(query, ["tab"]).tab);
}

export function toTab(tab: unknown): string | undefined {
  if (tab === undefined || (typeof tab === "string" && /^[0-9a-f]{8}$/.test(tab))) return tab;
  throw invalid("tab must be one of the replay's tabs");
}

export function parseVisitorId(given: unknown): string {
  if (typeof given === "string" && CLIENT_ID.test(given)) return given;
  throw invalid("visitorId must be 1 to 128 characters of [A-Za-z0-9_.:-]");
}
