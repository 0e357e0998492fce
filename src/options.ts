import type { Driver, Storage } from "unstorage";
import type { EventStore } from "./events/event-store.ts";
import type { IntentOptions } from "./intent/score.ts";
import type { Logger } from "./logger.ts";
import type { RateLimiter } from "./rate-limit/limiter.ts";
import type { SiteSource } from "./site.ts";
import type { WebhookTransport } from "./webhooks/transport.ts";

export interface IdentityOptions {
  /** Minutes without activity after which a visit ends, for hits without a `sessionId`. @default 30 */
  sessionTimeoutMinutes?: number;
}

export interface PrivacyOptions {
  /** What `Sec-GPC: 1` does: count under a daily hash, drop the hit, or nothing. @default "count" */
  gpc?: "count" | "drop" | "ignore";
  /** Query parameters of page URLs to keep beside `utm_*`. @default [] */
  keepQuery?: string[];
}

export interface GeoOptions {
  /** Request header in which your CDN puts the country, e.g. `cf-ipcountry`. Only when it cannot be forged. */
  header?: string;
  /** Country database in MMDB format: the file's bytes. Look-ups by client IP; the IP is not kept. */
  mmdb?: Uint8Array;
}

export interface RateLimitOptions {
  /** Shared across processes: any `rate-limiter-flexible` instance, or your own. @default in this process */
  limiter?: RateLimiter | { consume(key: string, points?: number): Promise<unknown> };
  /** Telemetry requests a minute and client network with a write key. @default 600 */
  perNetwork?: number;
}

export interface WebhookOptions {
  /** Carries the signed bytes. @default node:https with the address checks of the README */
  transport?: WebhookTransport;
  /** Also deliver to private and loopback addresses: all, or these CIDR ranges. @default false */
  allowPrivateNetwork?: boolean | string[];
  /** Also deliver over http. @default false */
  allowInsecure?: boolean;
  /** Like `dns.lookup` with `{ all: true }`. @default node's */
  lookup?: (hostname: string, options: { all: true }, callback: (error: Error | null, addresses: { address: string; family: number }[]) => void) => void;
  /** Like `https.request`. @default node's */
  request?: typeof import("node:https").request;
}

export interface ReplayOptions {
  /** Bytes of recordings that a site may keep; the least valuable go first. @default 1 GiB */
  budgetBytes?: number;
  /** Days a recording is kept. @default 30 */
  retentionDays?: number;
  /** Sessions recorded of one visitor in 24 hours. @default 2 */
  sessionsPerVisitor?: number;
}

/** Told to the owner's code, never awaited on a request's path. What they throw is logged. */
export interface Hooks {
  /** A hit was answered but not counted. */
  dropped?(info: { siteId: string; reason: string }): void;
  /** Storage failed; requests are answered 503 until it is back. */
  storageFailed?(info: { operation: string; cause: unknown }): void;
  /** A delivery was given up after its last attempt. */
  webhookFailed?(info: { siteId: string; id: string; url: string; status?: number }): void;
  /** An endpoint was switched off. */
  webhookDisabled?(info: { siteId: string; url: string; reason: string }): void;
}

/** Everything `createAnalytics` takes. Only `sites` is required. Checked at once; a mistake throws with the option's path. */
export interface AnalyticsOptions {
  /** The sites, or a function that looks one up. */
  sites: SiteSource;
  /** Where state and events are kept: an unstorage Storage or Driver. @default memory, lost at exit */
  storage?: Storage | Driver;
  /** Keeps events elsewhere (ClickHouse, SQL). @default in `storage` */
  events?: EventStore;
  intent?: IntentOptions;
  identity?: IdentityOptions;
  privacy?: PrivacyOptions;
  geo?: GeoOptions;
  /** Session replay: recordings are taken only when this is set. @default false */
  replay?: boolean | ReplayOptions;
  /** Hits labelled as a bot's: out of every number, or counted with the label shown. @default "exclude" */
  bots?: "exclude" | "count";
  /** Proxies in front whose `X-Forwarded-For` is believed: how many, or their CIDR ranges. Express: its own `trust proxy`. @default none */
  trustProxy?: number | string[];
  /**
   * Where the tracker is served, relative to the mount, and where it sends what it has: one address with no telling word,
   * which lists of blocked paths do not know. It must not be one of the library's other paths. @default "/tracker.js"
   */
  trackerPath?: string;
  rateLimit?: RateLimitOptions;
  retention?: { /** @default 395 */ days?: number };
  /** "committed": the 200 is sent when the event is stored. @default "committed" */
  durability?: "committed";
  webhooks?: WebhookOptions;
  hooks?: Hooks;
  /** Where warnings go; `console` fits. @default false: silent */
  logger?: Logger | false;
  /** Epoch milliseconds; every part asks it. @default Date.now */
  now?: () => number;
}
