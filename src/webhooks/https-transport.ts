import { lookup as nodeLookup } from "node:dns";
import * as http from "node:http";
import * as https from "node:https";
import { isIP } from "node:net";
import type { LookupFunction, Socket } from "node:net";
import type { Clock } from "../clock.ts";
import type { AddressOptions } from "./address.ts";
import { blockedAddress, checkEndpointUrl, hostOf, isLoopback, toAllowed } from "./address.ts";
import type { Failure } from "./exchange.ts";
import { exchange, failure } from "./exchange.ts";
import type { WebhookRequest, WebhookResponse, WebhookTransport } from "./transport.ts";

export const MAX_SOCKETS_PER_ENDPOINT = 4;
export const MAX_SOCKETS = 64;
const CONNECT_TIMEOUT_MS = 5_000;
const TOTAL_TIMEOUT_MS = 15_000;
const AGENT_OPTIONS: https.AgentOptions = {
  keepAlive: true,
  maxSockets: MAX_SOCKETS_PER_ENDPOINT,
  maxTotalSockets: MAX_SOCKETS,
  maxFreeSockets: MAX_SOCKETS_PER_ENDPOINT,
  timeout: 20_000, // of a connection that nothing is sent on
};

interface Address {
  address: string;
  family: number;
}

export type Lookup = (hostname: string, options: { all: true }, callback: (error: Error | null, addresses: Address[]) => void) => void;

export interface HttpsTransportOptions extends AddressOptions {
  /** Like `dns.lookup` with `{ all: true }`. @default node's */
  lookup?: Lookup;
  /** Like `https.request`; called for http endpoints too. @default node's of the URL's protocol */
  request?: typeof https.request;
  /** Milliseconds until a connection stands. @default 5000 */
  connectTimeoutMs?: number;
  /** Milliseconds for everything. @default 15000 */
  totalTimeoutMs?: number;
  /** For a `Retry-After` that is a date. @default Date.now */
  now?: Clock;
}

/**
 * Delivers over node:https. Every address is checked before it is connected to (the one that was checked is the one
 * that is used), redirects are not followed, at most 1 KiB of an answer is read, and no socket holds the process.
 * Rejects with an Error whose `code` is `blocked_address`, `timeout`, `aborted` or node's own.
 */
export function createHttpsTransport(options: HttpsTransportOptions = {}): WebhookTransport {
  const { lookup = nodeLookup as unknown as Lookup, allowInsecure = false, now = Date.now } = options;
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS, totalTimeoutMs = TOTAL_TIMEOUT_MS } = options;
  const allowed = toAllowed(options.allowPrivateNetwork);
  const agents = { "https:": pooled(new https.Agent(AGENT_OPTIONS)), "http:": pooled(new http.Agent(AGENT_OPTIONS)) };

  function resolve(hostname: string, loopbackOnly: boolean): Promise<Address[]> {
    return new Promise((done, fail) => {
      lookup(hostname, { all: true }, (error, addresses) => {
        if (error) return fail(error);
        if (!Array.isArray(addresses) || addresses.length === 0) return fail(failure("ENOTFOUND", "the name has no address"));
        const refused = addresses.some(({ address }) => blockedAddress(address, allowed) || (loopbackOnly && !isLoopback(address)));
        if (refused) return fail(failure("blocked_address", "the name leads to a private or reserved address"));
        done(addresses.map(({ address }) => ({ address, family: isIP(address) })));
      });
    });
  }

  async function deliver(delivery: WebhookRequest, signal: AbortSignal): Promise<WebhookResponse> {
    const checked = checkEndpointUrl(delivery.url, options, allowed);
    if ("refused" in checked) throw failure("blocked_address", `the endpoint's URL ${checked.refused}`);
    const { url } = checked;
    const host = hostOf(url);
    const secure = url.protocol === "https:";
    const agent = agents[secure ? "https:" : "http:"];
    const pool = url.href;
    const find = () => resolve(host, !secure && !allowInsecure);
    // before the connector is even asked; a kept connection was checked when it was made
    const known = isIP(host) || agent.freeSockets[pool]?.length ? undefined : await find();
    if (signal.aborted) throw failure("aborted", "stopped");

    const pinned: LookupFunction = (_hostname, { all }, callback) => {
      (known ? Promise.resolve(known) : find()).then(
        (addresses) => (all ? callback(null, addresses) : callback(null, addresses[0]?.address ?? "", addresses[0]?.family)),
        (error) => callback(error, []),
      );
    };
    const body = Buffer.from(delivery.body);
    const settings: https.RequestOptions & { pool: string } = {
      protocol: url.protocol,
      host,
      port: url.port || (secure ? 443 : 80),
      path: `${url.pathname}${url.search}`,
      method: "POST",
      headers: { ...delivery.headers, host: url.host, "content-length": body.length },
      agent,
      lookup: pinned,
      pool,
      ...(secure && { rejectUnauthorized: true }), // whatever the environment says
    };
    makeRoom(agent, pool);
    const send = options.request ?? ((secure ? https.request : http.request) as typeof https.request);
    return exchange(send(settings), body, { signal, connectTimeoutMs, secure, now });
  }

  return async (delivery, signal) => {
    const stop = withDeadline(signal, totalTimeoutMs);
    try {
      // a look-up cannot be stopped, but it can be left behind
      return await Promise.race([stop.failed, twiceWhenStale(() => deliver(delivery, stop.signal))]);
    } finally {
      stop.release();
    }
  };
}

/** The receiver closed a kept connection while we wrote to it: once more on a fresh one, within the same deadline. */
async function twiceWhenStale<Answer>(run: () => Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (error) {
    if ((error as Failure).stale) return run();
    throw error;
  }
}

/** A signal that also aborts after `ms`; `failed` rejects with which of the two it was. */
function withDeadline(signal: AbortSignal, ms: number) {
  const controller = new AbortController();
  let fail: (reason: Failure) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {}); // when the answer won the race
  const stop = (reason: Failure) => {
    fail(reason);
    controller.abort();
  };
  const onAbort = () => stop(failure("aborted", "stopped"));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => stop(failure("timeout", "no answer in time")), ms);
  timer.unref();
  return {
    signal: controller.signal,
    failed,
    release() {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
}

/** Endpoints on one host do not share connections: a hanging one would hold up the other. */
function pooled<Kind extends http.Agent>(agent: Kind): Kind {
  agent.getName = (settings) => (settings as { pool?: string } | undefined)?.pool ?? "";
  return agent;
}

/** A kept connection gives its place to an endpoint that has none; node's agent would let that one wait. */
function makeRoom(agent: http.Agent, pool: string): void {
  if (agent.freeSockets[pool]?.length || count(agent.sockets) + count(agent.freeSockets) < MAX_SOCKETS) return;
  for (const sockets of Object.values(agent.freeSockets)) {
    if (sockets?.[0]) return void sockets[0].destroy();
  }
}

function count(sockets: NodeJS.ReadOnlyDict<Socket[]>): number {
  return Object.values(sockets).reduce((sum, list) => sum + (list?.length ?? 0), 0);
}
