import { deflate, inflate } from "../storage/deflate.ts";
import { createDay, type DayRollup, hashOf, type PageRow, type Portion, portionOf, portionOfHash, rowKeyOf, type SessionRow } from "./rollup.ts";
import { createSlicer } from "./slicer.ts";

/** Speed over size: a rollup is written anew by each checkpoint of its day. */
const LEVEL = 3;
/** Rows of a line: about 2 ms of work. */
const ROWS_PER_LINE = 1_000;

const WHOLE: Portion = { portion: 0, portions: 1 };
const NEWLINE = 10;
/** Where a packed row has its visitor. */
const VISITOR = 1;

/** Repeated texts are stored once and referred to by number. */
function createTable() {
  const indexes = new Map<string, number>();
  return {
    texts: () => [...indexes.keys()],
    index(text: string): number {
      const index = indexes.get(text) ?? indexes.size;
      indexes.set(text, index);
      return index;
    },
  };
}

type PackedRow = [
  sessionId: string,
  visitorId: string,
  visit: number,
  assigned: 0 | 1,
  country: number,
  browser: number,
  os: number,
  device: number,
  bot: string[] | 0,
  start: number,
  duration: number,
  /** Five numbers a pageview: id, milliseconds after start (absent: -1), path, engaged, scroll. */
  pages: number[],
  events: number[],
];

/**
 * A JSON array of rows a line, so that neither side works on more than a slice at a time; the texts come last. The
 * i-th of n lines holds the i-th n-th of all visitors, in the order of their hashes.
 */
export async function encodeDay(day: DayRollup): Promise<Buffer> {
  const slice = createSlicer(1);
  const table = createTable();
  const lines: string[] = [];
  const portions = Math.ceil(day.rows.size / ROWS_PER_LINE);
  const parts = Array.from({ length: portions }, (): SessionRow[] => []);
  for (const row of day.rows.values()) {
    if (slice.due()) await slice.pause();
    parts[portionOf(row.visitorId, portions)]!.push(row);
  }
  for (const part of parts) {
    lines.push(JSON.stringify(part.map((row) => packRow(row, table.index))));
    if (slice.due()) await slice.pause();
  }
  lines.push(JSON.stringify(table.texts()));
  return deflate(lines.join("\n"), { level: LEVEL });
}

export async function decodeDay(body: Buffer, date: string): Promise<DayRollup> {
  return decodeRows(await inflate(body), date);
}

/** All of the inflated rows, or those of one portion of the visitors: lines that hold none of theirs are not parsed. */
export function decodeRows(lines: Buffer, date: string, { portion, portions }: Portion = WHOLE): Promise<DayRollup> {
  return decodeSome(lines, date, {
    line: (index, count) => (index + 1) * portions > portion * count && index * portions < (portion + 1) * count,
    visitor: (id) => portions === 1 || portionOf(id, portions) === portion,
  });
}

/** The rows of visitors whose ids have one of these hashes. */
export function decodeVisitors(lines: Buffer, date: string, hashes: ReadonlySet<number>): Promise<DayRollup> {
  const held = [...hashes];
  return decodeSome(lines, date, {
    line: (index, count) => held.some((hash) => portionOfHash(hash, count) === index),
    visitor: (id) => hashes.has(hashOf(id)),
  });
}

interface Wanted {
  line(index: number, count: number): boolean;
  visitor(id: string): boolean;
}

async function decodeSome(lines: Buffer, date: string, wanted: Wanted): Promise<DayRollup> {
  const ends: number[] = [];
  for (let end = lines.indexOf(NEWLINE); end !== -1; end = lines.indexOf(NEWLINE, end + 1)) ends.push(end);
  const lineAt = (index: number) => lines.toString("utf8", index === 0 ? 0 : ends[index - 1]! + 1, ends[index]);
  const texts = JSON.parse(lineAt(ends.length)) as string[];
  const day = createDay();
  const slice = createSlicer(1);
  for (let index = 0; index < ends.length; index++) {
    if (!wanted.line(index, ends.length)) continue;
    if (slice.due()) await slice.pause();
    for (const packed of JSON.parse(lineAt(index)) as PackedRow[]) {
      if (!wanted.visitor(packed[VISITOR])) continue;
      const row = unpackRow(packed, texts, date);
      day.rows.set(rowKeyOf(row.sessionId, row.visitorId, row.country, row.bot !== undefined), row);
      for (const page of row.pages.values()) day.paths.add(page.path);
    }
  }
  return day;
}

function packRow(row: SessionRow, index: (text: string) => number): PackedRow {
  const pages: number[] = [];
  for (const [id, page] of row.pages) {
    pages.push(id, page.at === 0 ? -1 : page.at - row.start, index(page.path), page.engaged, page.scroll);
  }
  return [
    row.sessionId, row.visitorId, row.visit, row.assigned ? 1 : 0,
    index(row.country), index(row.browser), index(row.os), index(row.device),
    row.bot ?? 0, row.start, row.end - row.start, pages, [...row.events],
  ];
}

function unpackRow(packed: PackedRow, texts: string[], day: string): SessionRow {
  const [sessionId, visitorId, visit, assigned, country, browser, os, device, bot, start, duration, numbers, events] = packed;
  const pages = new Map<number, PageRow>();
  for (let i = 0; i < numbers.length; i += 5) {
    const offset = numbers[i + 1]!;
    pages.set(numbers[i]!, {
      at: offset === -1 ? 0 : start + offset,
      path: texts[numbers[i + 2]!]!,
      engaged: numbers[i + 3]!,
      scroll: numbers[i + 4]!,
    });
  }
  return {
    day,
    sessionId,
    visitorId,
    visit,
    assigned: assigned === 1,
    country: texts[country]!,
    bot: bot === 0 ? undefined : bot,
    start,
    end: start + duration,
    browser: texts[browser]!,
    os: texts[os]!,
    device: texts[device]!,
    pages,
    events: new Set(events),
  };
}
