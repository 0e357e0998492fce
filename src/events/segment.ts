import { setImmediate as nextTurn } from "node:timers/promises";
import type { StoredEvent } from "../event.ts";
import type { StoredOwed } from "./event-store.ts";

/**
 * The layout of a segment: a header line, then the events of each site as NDJSON, then the deliveries they owe.
 * Sites stay apart, so that compaction copies bytes instead of parsing them.
 */
interface SegmentHeader {
  writer: string;
  n: number;
  sites: [siteId: string, count: number, bytes: number, minAt: number, maxAt: number][];
  /** Bytes of the deliveries' NDJSON, last. */
  deliveries: number;
}

/** Events of one site on their way into a segment: a line of JSON each, and the times between which they lie. */
export interface SiteLines {
  lines: string[];
  /** Its place among the segment's sites. */
  no: number;
  minAt: number;
  maxAt: number;
}

/** NDJSON of one site, each line ended by a newline. */
export interface SitePart {
  siteId: string;
  lines: Buffer;
  count: number;
  /** Earliest and latest event, epoch milliseconds. */
  minAt: number;
  maxAt: number;
}

export interface Segment {
  writer: string;
  n: number;
  sites: SitePart[];
  /** What its events owe; parsed when asked for, since most of the time nobody wants to know. */
  owed(): StoredOwed[];
}

export function encodeSegment(writer: string, n: number, sites: Map<string, SiteLines>, deliveries: string[]): string {
  const header: SegmentHeader = { writer, n, sites: [], deliveries: 0 };
  let body = "";
  for (const [siteId, { lines, minAt, maxAt }] of sites) {
    const text = `${lines.join("\n")}\n`;
    header.sites.push([siteId, lines.length, Buffer.byteLength(text), minAt, maxAt]);
    body += text;
  }
  if (deliveries.length > 0) {
    const text = `${deliveries.join("\n")}\n`;
    header.deliveries = Buffer.byteLength(text);
    body += text;
  }
  return `${JSON.stringify(header)}\n${body}`;
}

export function decodeSegment(body: Buffer): Segment {
  const end = body.indexOf(10);
  const header = JSON.parse(body.toString("utf8", 0, end)) as SegmentHeader;
  let offset = end + 1;
  const sites = header.sites.map(([siteId, count, bytes, minAt, maxAt]) => {
    const lines = body.subarray(offset, offset + bytes);
    offset += bytes;
    return { siteId, lines, count, minAt, maxAt };
  });
  const deliveries = body.subarray(offset, offset + header.deliveries);
  return { writer: header.writer, n: header.n, sites, owed: () => parseOwed(deliveries, sites) };
}

/** A delivery's line names its event by the number of its site and of its line there. */
export function toOwedLine(site: number, line: number, record: string): string {
  return `${site},${line},${record}`;
}

function parseOwed(deliveries: Buffer, sites: SitePart[]): StoredOwed[] {
  if (deliveries.length === 0) return [];
  const events = sites.map(({ lines }) => lines.toString("utf8").split("\n"));
  return deliveries.toString("utf8").trimEnd().split("\n").map((text) => {
    const end = text.indexOf(",", text.indexOf(",") + 1);
    const [site = 0, line = 0] = text.slice(0, end).split(",").map(Number);
    return { record: text.slice(end + 1), line: events[site]?.[line] ?? "" };
  });
}

/** The values of NDJSON lines. */
export function parseLines<T = StoredEvent>(lines: Buffer): T[] {
  if (lines.length === 0) return [];
  const text = lines.toString("utf8").trimEnd();
  return JSON.parse(`[${text.replaceAll("\n", ",")}]`) as T[];
}

/** About 1 ms of parsing. */
const SLICE_BYTES = 128 * 1024;

/** The events of NDJSON lines, a slice at a time: the event loop is given back between slices. */
export async function* parseSlices(lines: Buffer): AsyncGenerator<StoredEvent[]> {
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf(10, Math.min(start + SLICE_BYTES, lines.length - 1));
    const end = newline === -1 ? lines.length : newline + 1;
    yield parseLines(lines.subarray(start, end));
    start = end;
    if (start < lines.length) await nextTurn();
  }
}
