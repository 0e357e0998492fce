import { inflateRawSync } from "node:zlib";
import { deflate, inflate } from "../storage/deflate.ts";
import type { Guard } from "../storage/guard.ts";
import { createByteCache } from "./byte-cache.ts";
import { createRecent } from "../recent.ts";
import { keys } from "../storage/keys.ts";
import { type DigestRange, isWithin } from "./profile-healing.ts";
import {
  chunkOf, decodePage, encodePage, findLine, type PackedChunk, type Page, parseLines, placeOf, type ProfileLine, toText,
} from "./profile-page.ts";
import { lowerBound } from "./sorted.ts";
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
  /** Where its pages are, when it only took some visitors out of another run: those of that one, and by number those it wrote. */
  from?: [writer: string, n: number];
  moved?: [page: number, writer: string, n: number][];
  /** Digests from-to whose page was damaged, or had what an erased visitor did before and since: profiles in between are to be made from the events. */
  torn?: DigestRange[];
}

/** Raw bytes of a page, and of a chunk in it. */
const PAGE_BYTES = 128 * 1024;
const CHUNK_BYTES = 8 * 1024;
/** Of pages, as they are stored. */
const MAX_CACHED_BYTES = 16 * 1024 * 1024;
const MAX_CACHED_INDEXES = 32;
/** A window as large as a chunk, and tables to match: setting up larger ones takes longer than compressing a chunk. */
const PACKING = { level: 4, windowBits: 13, memLevel: 6 };
/** Pages that are compressed and written at a time: on a busy event loop each would wait for many turns of it. */
const PAGES_AT_ONCE = 4;

interface Chunk {
  first: string;
  text: string;
}

interface Index {
  /** First digest of each page. */
  firsts: string[];
  /** The first 32 bits of every digest, sorted. */
  prefixes: Uint32Array;
}

export interface ProfileRuns {
  /** The visitor's line in a run; "torn" when it may be in a damaged part, "missing" when the run is gone. */
  find(run: RunRef, digest: string): Promise<ProfileLine | undefined | "torn" | "missing">;
  /** All lines in order, a chunk at a time; pages that are damaged or gone are told of and left out. */
  lines(run: RunRef, onTorn: (first: string, last: string) => void): AsyncGenerator<ProfileLine[]>;
  /** Writes sorted lines as a run; undefined when there are none. */
  write(writer: string, n: number, lines: AsyncIterable<ProfileLine[]>): Promise<RunRef | undefined>;
  /**
   * The run without these visitors, by digest: only pages with them are written again. The same one when it has none of
   * them; undefined when it can only be written as a whole.
   */
  without(run: RunRef, erased: ReadonlySet<string>, writer: string, n: number): Promise<RunRef | undefined>;
}

export function keysOfRun(run: RunRef): string[] {
  return [keys.profileIndex(run.writer, run.n), ...Array.from({ length: run.pages }, (_, i) => keyOfPage(run, i))];
}

function keyOfPage({ writer, n, from = [writer, n], moved }: RunRef, i: number): string {
  const [, ...place] = moved?.find(([page]) => page === i) ?? [i, ...from];
  return keys.profilePage(...place, i);
}

export const runId = ({ writer, n }: RunRef) => `${writer}:${n}`;

const prefixOf = (digest: string) => Number.parseInt(digest.slice(0, 8), 16);

/** At once: a chunk is so small that handing it to another thread takes the event loop longer. */
const unpack = (page: Page, n: number): Buffer => inflateRawSync(chunkOf(page, n));

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
    const key = keyOfPage(run, i);
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
    const bodies = await Promise.all(chunks.map(({ text }) => deflate(text, PACKING)));
    await putPage(key, chunks.map(({ first }, i) => ({ first, body: bodies[i]! })));
  }

  async function putPage(key: string, chunks: PackedChunk[]): Promise<void> {
    const body = encodePage(chunks);
    await guard.write(key, body);
    pages.put(key, decodePage(body));
  }

  async function writeIndex(key: string, firsts: string[], prefixes: Uint32Array): Promise<void> {
    const body = Buffer.concat([Buffer.from(`${JSON.stringify(firsts)}\n`), new Uint8Array(prefixes.buffer)]);
    await guard.write(key, await deflate(body, { level: 1 }));
  }

  /** The chunks of a page without some lines, and the digests of these; those without any are copied. */
  async function dropLines(page: Page, isGone: (line: ProfileLine) => boolean, digests: string[]): Promise<{ chunks: PackedChunk[]; dropped: string[] }> {
    const touched = new Set(digests.map((digest) => placeOf(page.firsts, digest)));
    const chunks: PackedChunk[] = [];
    const dropped: string[] = [];
    for (const [i, first] of page.firsts.entries()) {
      const lines = touched.has(i) ? parseLines(unpack(page, i).toString("utf8")) : [];
      const gone = lines.filter(isGone);
      if (gone.length === 0) {
        chunks.push({ first, body: chunkOf(page, i) });
        continue;
      }
      dropped.push(...gone.map(({ digest }) => digest));
      const left = lines.filter((line) => !gone.includes(line));
      if (left.length > 0) chunks.push({ first: left[0]!.digest, body: await deflate(left.map(toText).join("\n"), PACKING) });
    }
    return { chunks, dropped };
  }

  /** A page, read ahead: its failure waits until somebody asks. */
  function aheadOf(run: RunRef, i: number): ReturnType<typeof pageOf> {
    const page = pageOf(run, i);
    page.catch(() => {});
    return page;
  }

  return {
    async find(run, digest) {
      if (run.torn && isWithin(run.torn, digest)) return "torn";
      if (run.pages === 0) return undefined;
      const index = await indexOf(run);
      if (typeof index === "string") return index;
      const prefix = prefixOf(digest);
      if (index.prefixes[lowerBound(index.prefixes, prefix)] !== prefix) return undefined;
      const page = await pageOf(run, placeOf(index.firsts, digest));
      if (typeof page === "string") return page;
      return findLine(unpack(page, placeOf(page.firsts, digest)), digest);
    },

    async *lines(run, onTorn) {
      const index = await indexOf(run);
      const firsts = typeof index === "string" ? [] : index.firsts;
      let ahead: ReturnType<typeof pageOf> | undefined = aheadOf(run, 0);
      for (let i = 0; i < run.pages; i++) {
        const read = ahead;
        ahead = i + 1 < run.pages ? aheadOf(run, i + 1) : undefined;
        const page = await read!;
        if (typeof page === "string") onTorn(firsts[i] ?? "", firsts[i + 1] ?? "g");
        else for (let n = 0; n < page.firsts.length; n++) yield parseLines(unpack(page, n).toString("utf8"));
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
      for await (const some of lines) {
        for (const line of some) {
          if (text.length === 0) first = line.digest;
          prefixes.push(prefixOf(line.digest));
          const one = toText(line);
          text.push(one);
          bytes += one.length;
          chunkBytes += one.length;
          if (bytes >= PAGE_BYTES) await endPage();
          else if (chunkBytes >= CHUNK_BYTES) endChunk();
        }
      }
      await endPage();
      await Promise.all(writing);
      if (prefixes.length === 0) return undefined;
      await writeIndex(keys.profileIndex(writer, n), firsts, Uint32Array.from(prefixes));
      return { writer, n, pages: firsts.length, count: prefixes.length };
    },

    async without(run, erased, writer, n) {
      const index = await indexOf(run);
      if (typeof index === "string") return undefined;
      const byPage = new Map<number, string[]>();
      for (const digest of erased) {
        if (index.prefixes[lowerBound(index.prefixes, prefixOf(digest))] !== prefixOf(digest)) continue;
        const i = placeOf(index.firsts, digest);
        byPage.set(i, [...(byPage.get(i) ?? []), digest]);
      }
      const isGone = ({ digest }: ProfileLine) => erased.has(digest);
      const firsts = [...index.firsts];
      const prefixes = [...index.prefixes];
      const moved = new Map(run.moved?.map((one) => [one[0], one]));
      for (const [i, digests] of byPage) {
        const page = await pageOf(run, i);
        if (typeof page === "string") return undefined;
        const { chunks, dropped } = await dropLines(page, isGone, digests);
        if (dropped.length === 0) continue;
        if (chunks.length === 0) return undefined;
        await putPage(keys.profilePage(writer, n, i), chunks);
        moved.set(i, [i, writer, n]);
        firsts[i] = chunks[0]!.first;
        for (const digest of dropped) prefixes.splice(lowerBound(prefixes, prefixOf(digest)), 1);
      }
      if (prefixes.length === index.prefixes.length) return run;
      await writeIndex(keys.profileIndex(writer, n), firsts, Uint32Array.from(prefixes));
      return { writer, n, pages: run.pages, count: prefixes.length, from: run.from ?? [run.writer, run.n], moved: [...moved.values()] };
    },
  };
}
