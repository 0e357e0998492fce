import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";

const inflateWith = promisify(inflateRaw);

/** Raw deflate, outside the event loop's thread. */
export const deflate = promisify(deflateRaw);

/** Node's own size of the pieces in which the output is made; each is a way to another thread and back. */
const MIN_PIECE = 16 * 1024;
const MAX_PIECE = 1024 * 1024;
/** What text of ours is deflated to, about: an eighth. */
const RATIO = 8;

/** The bytes that were deflated. Rejects when there are more than `maxBytes`, or when it is no raw deflate. */
export function inflate(body: Uint8Array, maxBytes?: number): Promise<Buffer> {
  const chunkSize = Math.min(Math.max(body.length * RATIO, MIN_PIECE), MAX_PIECE);
  return inflateWith(body, maxBytes === undefined ? { chunkSize } : { chunkSize, maxOutputLength: maxBytes });
}
