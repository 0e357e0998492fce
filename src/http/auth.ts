import { hash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../clock.ts";
import { AnalyticsError } from "../errors.ts";
import type { FixedWindow } from "../rate-limit/fixed-window.ts";
import type { Site } from "../site.ts";

/** Wrong keys a minute, per client network and site, before even the right secret key is refused. */
const MAX_FAILURES = 60;
/** Longer ones are not hashed. */
const MAX_KEY_LENGTH = 512;
const DIGEST_PREFIX = "sha256:";
const NO_DIGEST = Buffer.alloc(32);

interface Key {
  digest: Buffer;
  trust: "secret" | "write";
  /** Under which name the key's requests are counted; says nothing of the key. */
  window: string;
}

/** A recognised key: what it may do, and under which name it is counted. */
export type Recognised = Pick<Key, "trust" | "window">;

/** The one key of a request. Throws 401 when there is none, or a header and a body that differ. */
export function presentedKey(header: string | undefined, inBody: unknown): string {
  const body = inBody === undefined || inBody === "" || inBody === null ? undefined : inBody;
  if (header && body !== undefined && header !== body) throw wrongKey();
  const key = header || body;
  if (typeof key !== "string") throw wrongKey();
  return key;
}

export function wrongKey(): AnalyticsError {
  const headers = { "www-authenticate": 'ApiKey header="X-API-Key"' };
  return new AnalyticsError("UNAUTHORIZED", "Invalid API key", { headers });
}

export interface KeyCheck {
  /**
   * Which of the site's keys it is. Throws 404 for no site, 401 for a wrong key, 429 for too many of them.
   * Does the same work whether the site is known or not, and whichever byte is wrong; a right write key, which
   * stands in every page, is found at once.
   */
  recognise(site: Site | undefined, key: string, network: string | undefined): Recognised;
}

/** `failures` counts wrong keys per client network and site. */
export function createKeyCheck({ failures, now }: { failures: FixedWindow; now: Clock }): KeyCheck {
  const keysOf = createKeyTable();
  return {
    recognise(site, key, network) {
      const keys = site && keysOf(site);
      const open = keys?.open.get(key);
      if (open) return open;
      const digest = key.length > MAX_KEY_LENGTH ? NO_DIGEST : hash("sha256", key, "buffer");
      const found = match(keys?.all ?? NO_KEYS, digest);
      if (!site) throw new AnalyticsError("NOT_FOUND", "Site not found");
      // public keys cannot be guessed at, and a page's visitors must not pay for a guesser behind the same address
      if (found?.trust === "write" || network === undefined) return found ?? refuse();
      const table = `${network} ${site.id}`;
      const verdict = found ? failures.peek(table, MAX_FAILURES) : failures.consume(table, MAX_FAILURES);
      if (verdict.allowed) return found ?? refuse();
      const retryAfter = (verdict.resetAt - now()) / 1_000;
      throw new AnalyticsError("RATE_LIMIT_EXCEEDED", "Rate limit exceeded", { retryAfter });
    },
  };
}

function refuse(): never {
  throw wrongKey();
}

const NO_KEYS: Key[] = [{ digest: Buffer.alloc(32, 1), trust: "write", window: "" }];

/** No early exit: the time must not tell which key was nearly right. */
function match(keys: Key[], digest: Buffer): Key | undefined {
  let found: Key | undefined;
  for (const key of keys) {
    if (timingSafeEqual(key.digest, digest) && digest !== NO_DIGEST && !found) found = key;
  }
  return found;
}

interface Keys {
  all: Key[];
  /** Write keys by their text. */
  open: Map<string, Key>;
}

/** Digests of each site object's keys, made once and again when the owner changes the keys. */
function createKeyTable(): (site: Site) => Keys {
  const table = new WeakMap<Site, { source: string[]; keys: Keys }>();
  return (site) => {
    const kept = table.get(site);
    if (kept && isSame(kept.source, site)) return kept.keys;
    const secret = toList(site.apiKey);
    const write = toList(site.writeKey);
    const secrets = secret.map((key) => toKey(site, key, "secret"));
    const writes = write.map((key) => toKey(site, key, "write"));
    const isOpen = (text: string, { digest }: Key) => !text.startsWith(DIGEST_PREFIX) && !secrets.some((other) => other.digest.equals(digest));
    const open = new Map(write.map((text, at) => [text, writes[at]!] as const).filter(([text, key]) => isOpen(text, key)));
    const keys = { all: [...secrets, ...writes], open };
    table.set(site, { source: [...secret, ...write], keys });
    return keys;
  };
}

function isSame(source: string[], site: Site): boolean {
  const { apiKey, writeKey } = site;
  if (typeof apiKey === "string" && (writeKey === undefined || typeof writeKey === "string")) {
    return source[0] === apiKey && source[1] === writeKey && source.length <= 2;
  }
  const keys = [...toList(apiKey), ...toList(writeKey)];
  return keys.length === source.length && keys.every((key, at) => key === source[at]);
}

function toList(keys: string | string[] | undefined): string[] {
  if (keys === undefined) return [];
  return (typeof keys === "string" ? [keys] : keys).filter((key) => key !== "");
}

function toKey(site: Site, key: string, trust: Key["trust"]): Key {
  const hex = key.startsWith(DIGEST_PREFIX) ? key.slice(DIGEST_PREFIX.length) : "";
  const digest = /^[0-9a-f]{64}$/i.test(hex) ? Buffer.from(hex, "hex") : hash("sha256", key, "buffer");
  return { digest, trust, window: `${site.id}:${digest.toString("hex").slice(0, 16)}` };
}
