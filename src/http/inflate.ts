import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw } from "node:zlib";
import { AnalyticsError, unavailable } from "../errors.ts";
import type { Coding } from "./content.ts";

/** zlib works in the host's thread pool, which has four threads for everything. */
const MAX_ACTIVE = 2;
const MAX_QUEUED = 20;

const INFLATE = {
  gzip: promisify(gunzip),
  br: promisify(brotliDecompress),
  deflate: promisify(inflate),
  raw: promisify(inflateRaw),
};

export interface Inflater {
  /** Rejects with 413 beyond `limit` bytes, 400 for damaged data, 503 when too many wait. */
  inflate(bytes: Buffer, coding: Coding, limit: number): Promise<Buffer>;
}

/** Inflates a few bodies at a time and stops each at its limit, however much is packed into it. */
export function createInflater(): Inflater {
  let active = 0;
  const queue: (() => void)[] = [];

  async function enter(): Promise<void> {
    if (active < MAX_ACTIVE) {
      active++;
      return;
    }
    if (queue.length >= MAX_QUEUED) throw unavailable("Too many compressed bodies at once, try again");
    await new Promise<void>((resolve) => queue.push(resolve));
  }

  function leave(): void {
    const next = queue.shift();
    if (next) next();
    else active--;
  }

  return {
    async inflate(bytes, coding, limit) {
      // "deflate" means zlib's format (RFC 9110), but some clients send the bare stream
      const isRaw = coding === "deflate" && (bytes[0]! & 0x0f) !== 8;
      await enter();
      try {
        return await INFLATE[isRaw ? "raw" : coding](bytes, { maxOutputLength: limit });
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
          throw new AnalyticsError("PAYLOAD_TOO_LARGE", `The body is larger than ${limit} bytes when inflated`);
        }
        throw new AnalyticsError("VALIDATION_ERROR", `The request body is not valid ${coding}`, { cause });
      } finally {
        leave();
      }
    },
  };
}
