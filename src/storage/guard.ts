import { createStorage, type Driver, type Storage } from "unstorage";
import { withDeadline } from "../deadline.ts";
import { unavailable } from "../errors.ts";
import type { Reporter } from "../logger.ts";
import { open, seal } from "./codec.ts";

/** What a key held: `torn` is a value whose checksum does not fit (half-written, damaged, or not ours). */
export type Held = { state: "found"; body: Buffer } | { state: "missing" } | { state: "torn" };

/**
 * unstorage as the rest of the library sees it. Drivers lie (errors as values, removals that do not remove,
 * calls that never return), so every call of ours goes through here: raw values only, each with a format
 * number and a checksum, a deadline a call, a breaker after repeated failures. Failures reject with UNAVAILABLE.
 */
export interface Guard {
  read(key: string): Promise<Held>;
  write(key: string, body: string | Uint8Array): Promise<void>;
  /** Resolves when the key is gone; a driver that only says so is caught. */
  remove(key: string): Promise<void>;
  /** Keys below `base`, each once. Walks everything on most drivers: never on the way of a request. */
  list(base: string): Promise<string[]>;
  /** Whether calls are let through; "open" answers at once without asking the driver. */
  breaker(): "closed" | "open" | "probing";
  /** Whether the last change was taken: a storage that only reads keeps the breaker closed. */
  isWritable(): boolean;
}

export interface GuardOptions {
  reporter: Reporter;
  /** Told of every failed call. */
  onFailure?: (info: { operation: string; cause: unknown }) => void;
  /** Longest wait for one call of the driver; a listing, which walks everything on most drivers, has six times as long. @default 5000 */
  deadlineMs?: number;
  /** Failures in a row after which the breaker opens. @default 5 */
  maxFailures?: number;
}

const DEADLINES_A_LISTING = 6;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 2_000;

type Operation = "read" | "write" | "remove" | "list";

/** Wraps an unstorage Storage, or a bare driver. */
export function createGuard(source: Storage | Driver, options: GuardOptions): Guard {
  const storage = isStorage(source) ? source : createStorage({ driver: source });
  const deadlineMs = options.deadlineMs ?? 5_000;
  const maxFailures = options.maxFailures ?? 5;
  let failures = 0;
  let pauseMs = FIRST_PAUSE_MS;
  let openUntil = 0; // performance.now(): a jump of the wall clock must not keep the breaker open
  let probing = false;
  let writable = true;
  const changes = (operation: Operation) => operation === "write" || operation === "remove";

  function succeeded(operation: Operation) {
    if (changes(operation)) writable = true;
    failures = 0;
    pauseMs = FIRST_PAUSE_MS;
    openUntil = 0;
    probing = false;
  }

  function failed(operation: Operation, cause: unknown): never {
    if (changes(operation)) writable = false;
    failures++;
    if (failures >= maxFailures || probing) {
      openUntil = performance.now() + pauseMs;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    probing = false;
    options.reporter.report("error", `storage ${operation}`, `storage ${operation} failed; answering 503 until it recovers`, cause);
    options.onFailure?.({ operation, cause });
    throw unavailable("Storage is not available", cause);
  }

  function admit() {
    if (!openUntil) return;
    if (probing || performance.now() < openUntil) throw unavailable("Storage is not available", undefined);
    probing = true;
  }

  /** One call of the driver: a value that is an Error is a failure, and so is no answer in time. */
  async function call<T>(operation: Operation, act: () => Promise<T>): Promise<T> {
    admit();
    let result: T;
    try {
      const ms = operation === "list" ? deadlineMs * DEADLINES_A_LISTING : deadlineMs;
      const late = () => new Error(`no answer within ${ms} ms`);
      // a driver may answer, or throw, without a promise
      result = await withDeadline(Promise.resolve().then(act), ms, late);
    } catch (cause) {
      return failed(operation, cause);
    }
    if (result instanceof Error) return failed(operation, result);
    succeeded(operation);
    return result;
  }

  return {
    async read(key) {
      const value = await call("read", () => storage.getItemRaw(key));
      try {
        return open(value);
      } catch (cause) {
        options.reporter.report("error", "storage format", (cause as Error).message, { key });
        throw unavailable("Storage holds data of a newer version", cause);
      }
    },
    async write(key, body) {
      await call("write", () => storage.setItemRaw(key, seal(body)));
    },
    async remove(key) {
      await call("remove", async () => {
        await storage.removeItem(key);
        const left = await storage.getItemRaw(key);
        if (left instanceof Error) throw left;
        if (left !== null && left !== undefined) throw new Error(`the driver did not remove ${key}`);
      });
    },
    async list(base) {
      const found = await call("list", () => storage.getKeys(base));
      return [...new Set(found)].sort();
    },
    breaker: () => (openUntil ? (probing ? "probing" : "open") : "closed"),
    isWritable: () => writable,
  };
}

function isStorage(source: Storage | Driver): source is Storage {
  return typeof (source as Storage).getItemRaw === "function" && typeof (source as Storage).mount === "function";
}
