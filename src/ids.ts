import { randomFillSync } from "node:crypto";

const ID_BYTES = 12; // 96 random bits
const POOL_BYTES = ID_BYTES * 512;
const pool = Buffer.allocUnsafe(POOL_BYTES);
let used = POOL_BYTES;

/** 12 bytes from the system's generator; one call to it per 512 ids. */
function nextBytes(): Buffer {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return pool.subarray(used - ID_BYTES, used);
}

export type IdPrefix = "vis" | "sess" | "evt" | "pv" | "req";

/** A new id: prefix and 16 URL-safe characters (96 random bits), e.g. `vis_3q2-7wEjRZc_kL0P`. */
export function createId(prefix: IdPrefix): string {
  return `${prefix}_${nextBytes().toString("base64url")}`;
}

/** 24 lower-case hex characters (96 random bits): safe in a storage key on any file system. */
export function createHexId(): string {
  return nextBytes().toString("hex");
}

/** Ids that a client may send: 1–128 characters of `[A-Za-z0-9_.:-]`. */
export const CLIENT_ID = /^[A-Za-z0-9_.:-]{1,128}$/;
