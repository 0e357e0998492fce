import { inflateRawSync } from "node:zlib";
import { deflate, inflate } from "../storage/deflate.ts";
import type { Guard } from "../storage/guard.ts";
import { createByteCache } from "./byte-cache.ts";
import { createRecent } from "../recent.ts";
import { keys } from "../storage/keys.ts";
import { type DigestRange, isWithin } from "./profile-healing.ts";
import { type FollowOptions, reportTorn } from "./view.ts";

/**
 * Profiles as of a checkpoint: runs of pages sorted by the visitor's digest, each key written once. A page is lines of
 * `digest last-seen profile`, so that what is only moved is not parsed, in chunks that are compressed one by one, so that
 * one line costs a few kilobytes of work and compressed pages can stay in memory. A run's index says where each page begins and
 * which visitors are in it, four bytes each, so that asking for a visitor who is not there reads nothing.
 */
export interface RunRef {
  writer: string;
  n: number;
  pages: number;
  count: number;
  /** Digests from-to whose page was damaged: profiles in between are to be made from the events. */
  torn?: DigestRange[];
}

/** One visitor's line. */
export interface ProfileLine {
  digest: string;
  lastSeen: number;
  /** As it is stored, or as it is in memory. */
  profile: string | object;
}

export const parseProfile = <P>({ profile }: ProfileLine): P => (typeof profile === "string" ? JSON.parse(profile) : profile) as P;

const DIGEST_CHARS = 20;
/** Raw bytes of a page, and of a chunk in it. */
const PAGE_BYTES = 128 * 1024;
const CHUNK_BYTES = 8 * 1024;
/** Of pages, as they are stored. */
const MAX_CACHED_BYTES = 16 * 1024 * 1024;
const MAX_CACHED_INDEXES = 32;
const LEVEL = 4;
/** Pages that are compressed and written at a time: on a busy event loop each would wait for many turns of it. */
const PAGES_AT_ONCE = 4;

interface Index {
  /** First digest of each page. */
  firsts: string[];
  /** The first 32 bits of every digest, sorted. */
  prefixes: Uint32Array;
}

interface Chunk {
  first: string;
  text: string;
}

interface Page {
  /** First digest of each chunk, and where each ends; the first begins at `start`. */
  firsts: string[];
  ends: number[];
  start: number;
  body: Buffer;
}

export interface ProfileRuns {
  /** The visitor's line in a run; "torn" when it may be in a damaged part, "missing" when the run is gone. */
  find(run: RunRef, digest: string): Promise<ProfileLine | undefined | "torn" | "missing">;
  /** All lines in order, a page at a time; pages that are damaged or gone are told of and left out. */
  lines(run: RunRef, onTorn: (first: string, last: string) => void): AsyncGenerator<ProfileLine>;
  /** Writes sorted lines as a run; undefined when there are none. */
  write(writer: string, n: number, lines: AsyncIterable<ProfileLine>): Promise<RunRef | undefined>;
}

export function keysOfRun({ writer, n, pages }: RunRef): string[] {
  return [keys.profileIndex(writer, n), ...Array.from({ length: pages }, (_, i) => keys.profilePage(writer, n, i))];
}

export const runId = ({ writer, n }: RunRef) => `${writer}:${n}`;

const prefixOf = (digest: string) => Number.parseInt(digest.slice(0, 8), 16);

export function createProfileRuns(guard: Guard, follow: FollowOptions): ProfileRuns {
  const indexes = createRecent<Index>(MAX_CACHED_INDEXES);
  const pages = createByteCache<Page>(MAX_CACHED_BYTES, ({ body }) => body.length);

  async function indexOf(run: RunRef): Promise<Index | "torn" | "missing"> {
    const key = keys.profileIndex(run.writer, run.n);
    const known = indexes.get(key);
    if (known) return known;
    const held = await guard.read(key);
    if (held.state === "torn") reportTorn(follow, key);
    if (held.state !== "found") return held.state;
    const body = await inflate(held.body);
    const end = body.indexOf(10);
    const firsts = JSON.parse(body.toString("utf8", 0, end)) as string[];
    const prefixes = new Uint32Array(new Uint8Array(body.subarray(end + 1)).buffer);
    const index = { firsts, prefixes };
    indexes.set(key, index);
    return index;
  }

  async function pageOf(run: RunRef, i: number): Promise<Page | "torn" | "missing"> {
    const key = keys.profilePage(run.writer, run.n, i);
    const known = pages.get(key);
    if (known) return known;
    const held = await guard.read(key);
    if (held.state === "torn") reportTorn(follow, key);
    if (held.state !== "found") return held.state;
    const page = decodePage(held.body);
    pages.put(key, page);
    return page;
  }

  async function writePage(key: string, chunks: Chunk[]): Promise<void> {
    const bodies = await Promise.all(chunks.map(({ text }) => deflate(text, { level: LEVEL })));
    const body = encodePage(chunks.map(({ first }, i) => ({ first, body: bodies[i]! })));
    await guard.write(key, body);
    pages.put(key, decodePage(body));
  }

  /** The chunks of a page; read ahead, so its failure waits until somebody asks. */
  function inflated(run: RunRef, i: number): Promise<Buffer[] | "torn" | "missing"> {
    const read = async () => {
      const page = await pageOf(run, i);
      return typeof page === "string" ? page : Promise.all(page.firsts.map((_, n) => inflate(chunkOf(page, n))));
    };
    const chunks = read();
    chunks.catch(() => {});
    return chunks;
  }

  return {
    async find(run, digest) {
      if (run.torn && isWithin(run.torn, digest)) return "torn";
      const index = await indexOf(run);
      if (typeof index === "string") return index;
      const prefix = prefixOf(digest);
      if (index.prefixes[lowerBound(index.prefixes, prefix)] !== prefix) return undefined;
      const page = await pageOf(run, placeOf(index.firsts, digest));
      if (typeof page === "string") return page;
      return findLine(inflateRawSync(chunkOf(page, placeOf(page.firsts, digest))), digest);
    },

    async *lines(run, onTorn) {
      const index = await indexOf(run);
      const firsts = typeof index === "string" ? [] : index.firsts;
      let ahead: ReturnType<typeof inflated> | undefined = inflated(run, 0);
      for (let i = 0; i < run.pages; i++) {
        const read = ahead;
        ahead = i + 1 < run.pages ? inflated(run, i + 1) : undefined;
        const chunks = await read!;
        if (typeof chunks === "string") onTorn(firsts[i] ?? "", firsts[i + 1] ?? "g");
        else for (const chunk of chunks) yield* parseLines(chunk.toString("utf8"));
      }
    },

    async write(writer, n, lines) {
      const firsts: string[] = [];
      const prefixes: number[] = [];
      let chunks: Chunk[] = [];
      let text: string[] = [];
      let first = "";
      let bytes = 0;
      let chunkBytes = 0;
      let writing: Promise<void>[] = [];
      function endChunk() {
        if (text.length > 0) chunks.push({ first, text: text.join("\n") });
        text = [];
        chunkBytes = 0;
      }
      async function endPage() {
        endChunk();
        if (chunks.length === 0) return;
        firsts.push(chunks[0]!.first);
        if (writing.length === PAGES_AT_ONCE) await Promise.all(writing.splice(0));
        const page = writePage(keys.profilePage(writer, n, firsts.length - 1), chunks);
        page.catch(() => {}); // told of when it is waited for
        writing.push(page);
        chunks = [];
        bytes = 0;
      }
      for await (const line of lines) {
        if (text.length === 0) first = line.digest;
        prefixes.push(prefixOf(line.digest));
        const json = typeof line.profile === "string" ? line.profile : JSON.stringify(line.profile);
        text.push(`${line.digest} ${line.lastSeen} ${json}`);
        bytes += json.length;
        chunkBytes += json.length;
        if (bytes >= PAGE_BYTES) await endPage();
        else if (chunkBytes >= CHUNK_BYTES) endChunk();
      }
      await endPage();
      await Promise.all(writing);
      if (prefixes.length === 0) return undefined;
      const body = Buffer.concat([Buffer.from(`${JSON.stringify(firsts)}\n`), new Uint8Array(Uint32Array.from(prefixes).buffer)]);
      await guard.write(keys.profileIndex(writer, n), await deflate(body, { level: 1 }));
      return { writer, n, pages: firsts.length, count: prefixes.length };
    },
  };
}

/** A line of JSON with the chunks' first digests and lengths, then the chunks. */
function encodePage(chunks: { first: string; body: Buffer }[]): Buffer {
  const header = JSON.stringify(chunks.map(({ first, body }) => [first, body.length]));
  return Buffer.concat([Buffer.from(`${header}\n`), ...chunks.map(({ body }) => body)]);
}

function decodePage(body: Buffer): Page {
  const start = body.indexOf(10) + 1;
  const page: Page = { firsts: [], ends: [], start, body };
  let end = start;
  for (const [first, length] of JSON.parse(body.toString("utf8", 0, start)) as [string, number][]) {
    page.firsts.push(first);
    page.ends.push((end += length));
  }
  return page;
}

const chunkOf = ({ ends, start, body }: Page, n: number): Buffer => body.subarray(n === 0 ? start : ends[n - 1], ends[n]);

function parseLine(line: string): ProfileLine {
  const end = line.indexOf(" ", DIGEST_CHARS + 1);
  return { digest: line.slice(0, DIGEST_CHARS), lastSeen: Number(line.slice(DIGEST_CHARS + 1, end)), profile: line.slice(end + 1) };
}

const parseLines = (text: string): ProfileLine[] => text.split("\n").map(parseLine);

function findLine(chunk: Buffer, digest: string): ProfileLine | undefined {
  const isFirst = chunk.toString("latin1", 0, DIGEST_CHARS) === digest;
  const at = isFirst ? 0 : chunk.indexOf(`\n${digest} `);
  if (at === -1) return undefined;
  const start = isFirst ? 0 : at + 1;
  const end = chunk.indexOf(10, start);
  return parseLine(chunk.toString("utf8", start, end === -1 ? chunk.length : end));
}

/** Where the first value lies that is not less than the wanted one. */
function lowerBound<T extends number | string>(sorted: ArrayLike<T>, wanted: T): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (sorted[middle]! < wanted) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The last page, or chunk, that begins at or before the digest. */
function placeOf(firsts: string[], digest: string): number {
  const at = lowerBound(firsts, digest);
  return firsts[at] === digest ? at : Math.max(0, at - 1);
}
