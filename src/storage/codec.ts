import { crc32 } from "node:zlib";
import type { Held } from "./guard.ts";

/** Bytes before the body: magic (2), format (1), reserved (1), CRC-32 (4), body length (4). */
const HEADER_BYTES = 12;
const MAGIC_W = 0x57;
const MAGIC_L = 0x4c;

/** The layout that this version writes. A newer one is refused, never overwritten. */
export const FORMAT = 1;

/** A value as it is stored: told apart from a torn, foreign or newer one when it is read back. */
export function seal(body: string | Uint8Array): Buffer {
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  const sealed = Buffer.allocUnsafe(HEADER_BYTES + length);
  sealed[0] = MAGIC_W;
  sealed[1] = MAGIC_L;
  sealed[2] = FORMAT;
  sealed[3] = 0;
  sealed.writeUInt32LE(length, 8);
  if (typeof body === "string") sealed.write(body, HEADER_BYTES, "utf8");
  else sealed.set(body, HEADER_BYTES);
  sealed.writeUInt32LE(checksum(sealed), 4);
  return sealed;
}

/** Checks what a driver gave back, whatever shape it has. Throws for a sound value of a newer format. */
export function open(value: unknown): Held {
  if (value === null || value === undefined) return { state: "missing" };
  const sealed = toBuffer(value);
  if (!sealed || sealed.length < HEADER_BYTES || sealed[0] !== MAGIC_W || sealed[1] !== MAGIC_L) return { state: "torn" };
  if (sealed.readUInt32LE(8) !== sealed.length - HEADER_BYTES) return { state: "torn" };
  if (sealed.readUInt32LE(4) !== checksum(sealed)) return { state: "torn" };
  if (sealed[2]! > FORMAT) {
    throw new Error(`stored in format ${sealed[2]}, this version reads up to ${FORMAT}: upgrade wysleap, nothing was changed`);
  }
  return { state: "found", body: sealed.subarray(HEADER_BYTES) };
}

/** Over everything but the checksum itself, so that a flipped bit in the header is found too. */
function checksum(sealed: Buffer): number {
  return crc32(sealed.subarray(8), crc32(sealed.subarray(0, 4)));
}

function toBuffer(value: unknown): Buffer | undefined {
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  return undefined;
}
