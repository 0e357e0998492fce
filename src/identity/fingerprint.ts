import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import { addDays, dayOf, HOUR_MS } from "../clock.ts";
import type { BrowserSignals, FingerprintQuality } from "../event.ts";
import type { Reporter } from "../logger.ts";
import { silentReporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { bases, keys } from "../storage/keys.ts";
import { networkOf } from "./network.ts";

/** What a daily id is made of. None of it is kept. */
export interface DailyTraits {
  ip: string;
  userAgent: string;
  /** The `Accept-Language` header, when the request is the visitor's own. */
  language?: string;
}

export interface DailyIds {
  /**
   * The visitor id of this network, user agent and language for today (UTC), the same in every process;
   * undefined when `ip` is no address. Without a promise once today's salt is known. Never rejects.
   */
  idOf(siteId: string, traits: DailyTraits): string | undefined | Promise<string | undefined>;
  /** Removes the salts of past days, after which nobody can tell which address an id was made from. */
  sweep(): Promise<void>;
}

const SALT_BYTES = 32;
const ID_CHARS = 22; // 132 bits
/** Two processes that start at once may both write a salt; after this the one that stayed is taken by both. */
const SETTLE_MS = 5_000;
const RETRY_MS = 30_000;
/** How long before midnight tomorrow's salt is made, so that no two processes race for it at midnight. */
const AHEAD_MS = HOUR_MS;

interface Salt {
  day: string;
  bytes: Buffer;
  /** When to read it again; undefined once it has settled. */
  rereadAt: number | undefined;
}

/**
 * Ids for visitors who bring none: HMAC under a random salt that changes every day and is destroyed after it.
 * With storage down it uses a salt of this process alone, which splits a visitor rather than failing a request.
 */
export function createDailyIds(parts: { guard: Guard; now: Clock; reporter?: Reporter }): DailyIds {
  const { guard, now, reporter = silentReporter } = parts;
  let current: Salt | undefined;
  let loading: Promise<Salt> | undefined;
  let aheadDay = "";

  /** The stored salt of a day; made when there is none. */
  async function obtain(day: string): Promise<Buffer> {
    const held = await guard.read(keys.salt(day));
    if (held.state === "found" && held.body.length === SALT_BYTES) return held.body;
    await guard.write(keys.salt(day), randomBytes(SALT_BYTES));
    const written = await guard.read(keys.salt(day));
    if (written.state !== "found") throw new Error(`the salt of ${day} was written but is ${written.state}`);
    return written.body;
  }

  async function load(day: string): Promise<Salt> {
    let salt: Salt;
    try {
      const bytes = await obtain(day);
      const settled = current?.day === day && current.bytes.equals(bytes);
      salt = { day, bytes, rereadAt: settled ? undefined : now() + SETTLE_MS };
    } catch (cause) {
      reporter.report("warn", "daily-salt", "storage fails: daily visitor ids are of this process alone for now", cause);
      const bytes = current?.day === day ? current.bytes : randomBytes(SALT_BYTES);
      salt = { day, bytes, rereadAt: now() + RETRY_MS };
    }
    const fresh = current?.day !== day;
    current = salt;
    if (fresh) void sweep().catch(reportSweep);
    return salt;
  }

  function loadOnce(day: string): Promise<Salt> {
    loading ??= load(day).finally(() => {
      loading = undefined;
    });
    return loading;
  }

  const reportSweep = (cause: unknown) =>
    reporter.report("warn", "daily-salt-sweep", "salts of past days could not be removed yet", cause);

  function prepareTomorrow(at: number, today: string): void {
    const tomorrow = dayOf(at + AHEAD_MS);
    if (tomorrow === today || aheadDay === tomorrow) return;
    aheadDay = tomorrow;
    obtain(tomorrow).catch(() => {
      aheadDay = ""; // at midnight it is tried again, and reported
    });
  }

  async function sweep(): Promise<void> {
    const today = keys.salt(dayOf(now()));
    for (const key of await guard.list(bases.salts)) if (key < today) await guard.remove(key);
  }

  let today = { day: "", from: 0, until: 0 };
  function dayAt(at: number): string {
    if (at < today.from || at >= today.until) {
      const day = dayOf(at);
      today = { day, from: Date.parse(day), until: Date.parse(addDays(day, 1)) };
    }
    return today.day;
  }

  return {
    idOf(siteId, traits) {
      const network = networkOf(traits.ip);
      if (network === undefined) return undefined;
      const at = now();
      const day = dayAt(at);
      const message = `${siteId}\n${network}\n${traits.userAgent}\n${traits.language ?? ""}`;
      if (current?.day !== day) return loadOnce(day).then((salt) => dailyId(salt, message));
      if (current.rereadAt !== undefined && at >= current.rereadAt) void loadOnce(day);
      if (today.until - at <= AHEAD_MS) prepareTomorrow(at, day);
      return dailyId(current, message);
    },
    sweep,
  };
}

function dailyId(salt: Salt, message: string): string {
  return `vis_${createHmac("sha256", salt.bytes).update(message).digest("base64url").slice(0, ID_CHARS)}`;
}

const SIGNAL_NAMES = [
  "screenWidth",
  "screenHeight",
  "languages",
  "devicePixelRatio",
  "colorDepth",
  "availWidth",
  "availHeight",
  "platform",
  "hardwareConcurrency",
  "deviceMemory",
  "maxTouchPoints",
  "language",
  "timeZone",
] as const satisfies readonly (keyof BrowserSignals | "language" | "timeZone")[];

/** How many signals each quality asks for. Safari and Firefox send one less than Chromium and still reach the top. */
const EXCELLENT = 10;
const GOOD = 7;
const FAIR = 4;

/** How good a fingerprint these signals make; undefined when the hit carries none, as a server's own hits do. */
export function fingerprintOf(
  from: BrowserSignals & { language?: string; timeZone?: string },
): FingerprintQuality | undefined {
  let count = 0;
  for (const name of SIGNAL_NAMES) if (from[name] !== undefined) count++;
  if (count === 0) return undefined;
  return count >= EXCELLENT ? "excellent" : count >= GOOD ? "good" : count >= FAIR ? "fair" : "poor";
}
