import { lowerBound } from "./sorted.ts";

/** What is in a page of profiles: lines of `digest last-seen profile` in chunks, each compressed by itself. */

/** One visitor's line. */
export interface ProfileLine {
  digest: string;
  lastSeen: number;
  /** As it is stored, or as it is in memory. */
  profile: string | object;
}

/** Lines of profiles in memory, by digest. */
export function sortedLines(digests: string[], profiles: ReadonlyMap<string, { profile: unknown; lastSeen: number }>): ProfileLine[] {
  return digests.sort().map((digest) => {
    const { profile, lastSeen } = profiles.get(digest)!;
    return { digest, lastSeen, profile: profile as object };
  });
}

export const parseProfile = <P>({ profile }: ProfileLine): P => (typeof profile === "string" ? JSON.parse(profile) : profile) as P;

export interface Page {
  /** First digest of each chunk, and where each ends; the first begins at `start`. */
  firsts: string[];
  ends: number[];
  start: number;
  body: Buffer;
}

const DIGEST_CHARS = 20;

/** A chunk, compressed, with its first digest. */
export interface PackedChunk {
  first: string;
  body: Buffer;
}

/** A line of JSON with the chunks' first digests and lengths, then the chunks. */
export function encodePage(chunks: PackedChunk[]): Buffer {
  const header = JSON.stringify(chunks.map(({ first, body }) => [first, body.length]));
  return Buffer.concat([Buffer.from(`${header}\n`), ...chunks.map(({ body }) => body)]);
}

export function decodePage(body: Buffer): Page {
  const start = body.indexOf(10) + 1;
  const page: Page = { firsts: [], ends: [], start, body };
  let end = start;
  for (const [first, length] of JSON.parse(body.toString("utf8", 0, start)) as [string, number][]) {
    page.firsts.push(first);
    page.ends.push((end += length));
  }
  return page;
}

export const chunkOf = ({ ends, start, body }: Page, n: number): Buffer => body.subarray(n === 0 ? start : ends[n - 1], ends[n]);

function parseLine(line: string): ProfileLine {
  const end = line.indexOf(" ", DIGEST_CHARS + 1);
  return { digest: line.slice(0, DIGEST_CHARS), lastSeen: Number(line.slice(DIGEST_CHARS + 1, end)), profile: line.slice(end + 1) };
}

export const toText = ({ digest, lastSeen, profile }: ProfileLine) =>
  `${digest} ${lastSeen} ${typeof profile === "string" ? profile : JSON.stringify(profile)}`;

export const parseLines = (text: string): ProfileLine[] => text.split("\n").map(parseLine);

export function findLine(chunk: Buffer, digest: string): ProfileLine | undefined {
  const isFirst = chunk.toString("latin1", 0, DIGEST_CHARS) === digest;
  const at = isFirst ? 0 : chunk.indexOf(`\n${digest} `);
  if (at === -1) return undefined;
  const start = isFirst ? 0 : at + 1;
  const end = chunk.indexOf(10, start);
  return parseLine(chunk.toString("utf8", start, end === -1 ? chunk.length : end));
}

/** The last page, or chunk, that begins at or before the digest. */
export function placeOf(firsts: string[], digest: string): number {
  const at = lowerBound(firsts, digest);
  return firsts[at] === digest ? at : Math.max(0, at - 1);
}
