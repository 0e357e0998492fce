import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import type { Guard } from "../storage/guard.ts";
import { createRecent } from "../recent.ts";
import { keys } from "../storage/keys.ts";
import { type DigestRange, isWithin } from "./profile-healing.ts";
import { type FollowOptions, reportTorn } from "./view.ts";

/**
 * Profiles as of a checkpoint: runs of pages sorted by the visitor's digest, each key written once. A page is lines of
 * `digest last-seen profile`, so that what is only moved is not parsed. A run's index says where each page begins and
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
  json: string;
}

const DIGEST_CHARS = 20;
const PAGE_BYTES = 128 * 1024;
const MAX_CACHED_PAGES = 48;
const MAX_CACHED_INDEXES = 32;
const LEVEL = 4;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

interface Index {
  /** First digest of each page. */
  firsts: string[];
  /** The first 32 bits of every digest, sorted. */
  prefixes: Uint32Array;
}

type Page = Map<string, ProfileLine>;

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
  const pages = createRecent<Page>(MAX_CACHED_PAGES);

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
    const page = parsePage((await inflate(held.body)).toString("utf8"));
    pages.set(key, page);
    return page;
  }

  return {
    async find(run, digest) {
      if (run.torn && isWithin(run.torn, digest)) return "torn";
      const index = await indexOf(run);
      if (typeof index === "string") return index;
      const prefix = prefixOf(digest);
      if (index.prefixes[lowerBound(index.prefixes, prefix)] !== prefix) return undefined;
      const page = await pageOf(run, pageNumber(index.firsts, digest));
      return typeof page === "string" ? page : page.get(digest);
    },

    async *lines(run, onTorn) {
      const index = await indexOf(run);
      const firsts = typeof index === "string" ? [] : index.firsts;
      for (let i = 0; i < run.pages; i++) {
        const page = await pageOf(run, i);
        if (typeof page === "string") onTorn(firsts[i] ?? "", firsts[i + 1] ?? "g");
        else yield* page.values();
      }
    },

    async write(writer, n, lines) {
      const firsts: string[] = [];
      const prefixes: number[] = [];
      let text: string[] = [];
      let bytes = 0;
      async function writePage() {
        await guard.write(keys.profilePage(writer, n, firsts.length - 1), await deflate(text.join("\n"), { level: LEVEL }));
        text = [];
        bytes = 0;
      }
      for await (const line of lines) {
        if (text.length === 0) firsts.push(line.digest);
        prefixes.push(prefixOf(line.digest));
        text.push(`${line.digest} ${line.lastSeen} ${line.json}`);
        bytes += line.json.length;
        if (bytes >= PAGE_BYTES) await writePage();
      }
      if (prefixes.length === 0) return undefined;
      if (text.length > 0) await writePage();
      const body = Buffer.concat([Buffer.from(`${JSON.stringify(firsts)}\n`), new Uint8Array(Uint32Array.from(prefixes).buffer)]);
      await guard.write(keys.profileIndex(writer, n), await deflate(body, { level: 1 }));
      return { writer, n, pages: firsts.length, count: prefixes.length };
    },
  };
}

function parsePage(text: string): Page {
  const page: Page = new Map();
  for (const line of text.split("\n")) {
    const digest = line.slice(0, DIGEST_CHARS);
    const end = line.indexOf(" ", DIGEST_CHARS + 1);
    page.set(digest, { digest, lastSeen: Number(line.slice(DIGEST_CHARS + 1, end)), json: line.slice(end + 1) });
  }
  return page;
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

/** The last page that begins at or before the digest. */
function pageNumber(firsts: string[], digest: string): number {
  const at = lowerBound(firsts, digest);
  return firsts[at] === digest ? at : Math.max(0, at - 1);
}
