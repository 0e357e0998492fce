import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a receiver got, byte for byte. */
export interface ReceivedRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingHttpHeaders;
  /** The raw body as text. */
  body: string;
  bytes: Buffer;
}

/** How to answer one request. The first of these that is set wins; a bare `{}` is a 200. */
export interface ReceiverAnswer {
  /** Read the request and never answer. */
  hang?: boolean;
  /** Cut the connection. */
  reset?: boolean;
  /** 302 to this URL. */
  redirect?: string;
  /** Answer the status, then a byte every so many milliseconds for ever. */
  dripMs?: number;
  /** Answer the status, then bytes without end, as fast as they are taken. */
  flood?: boolean;
  /** @default 200 */
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /** `Retry-After`: seconds, or the header's text. */
  retryAfter?: number | string;
  /** Milliseconds before any of the above. */
  delayMs?: number;
}

/** One answer for all requests, one each in turn (the last repeats), or a function of the request and its number from 0. */
export type ReceiverScript = ReceiverAnswer | ReceiverAnswer[] | ((request: ReceivedRequest, index: number) => ReceiverAnswer);

export interface Receiver {
  /** `http://127.0.0.1:<port>/hook` */
  url: string;
  /** Oldest first. */
  requests: ReceivedRequest[];
  /** Connections made so far. */
  readonly connections: number;
  /** Connections open now. */
  readonly open: number;
  /** Resolves when `count` requests have arrived, at once when they have already. */
  received(count: number): Promise<ReceivedRequest[]>;
  /** Resolves when no connection is open. */
  disconnected(): Promise<void>;
  /** Answer differently from now on; the numbering starts again. */
  answer(script: ReceiverScript): void;
  close(): Promise<void>;
}

/**
 * A real receiver of webhooks on loopback that records what comes and answers as told.
 *
 * @example
 * const receiver = await createReceiver({ script: [{ status: 503, retryAfter: 60 }, {}] });
 * …
 * const [first] = await receiver.received(1);
 */
export async function createReceiver({ script = {} }: { script?: ReceiverScript } = {}): Promise<Receiver> {
  const requests: ReceivedRequest[] = [];
  const waiting = new Set<{ count: number; resolve(requests: ReceivedRequest[]): void }>();
  const timers = new Set<NodeJS.Timeout>();
  let current = script;
  let index = 0;
  let connections = 0;
  let open = 0;
  let whenDisconnected: (() => void)[] = [];

  const server = createServer((request, response) => {
    request.on("error", () => {});
    response.on("error", () => {});
    void readAll(request).then((bytes) => {
      const received: ReceivedRequest = {
        method: request.method ?? "",
        url: request.url ?? "",
        headers: request.headers,
        body: bytes.toString(),
        bytes,
      };
      requests.push(received);
      const answer = answerTo(current, received, index++);
      if (answer.delayMs === undefined) send(answer, response, timers);
      else later(timers, answer.delayMs, () => send(answer, response, timers));
      for (const waiter of waiting) {
        if (requests.length < waiter.count) continue;
        waiting.delete(waiter);
        waiter.resolve(requests);
      }
    });
  });
  server.keepAliveTimeout = 0; // connections stay: it is the sender that has to be sparing with them
  server.on("connection", (socket) => {
    connections++;
    open++;
    socket.on("close", () => {
      if (--open > 0) return;
      for (const resolve of whenDisconnected) resolve();
      whenDisconnected = [];
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    requests,
    get connections() {
      return connections;
    },
    get open() {
      return open;
    },
    received: (count) => (requests.length >= count ? Promise.resolve(requests) : new Promise((resolve) => waiting.add({ count, resolve }))),
    disconnected: () => (open === 0 ? Promise.resolve() : new Promise((resolve) => whenDisconnected.push(resolve))),
    answer(next) {
      current = next;
      index = 0;
    },
    close() {
      for (const timer of timers) clearTimeout(timer);
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function answerTo(script: ReceiverScript, request: ReceivedRequest, index: number): ReceiverAnswer {
  if (typeof script === "function") return script(request, index);
  return Array.isArray(script) ? (script[Math.min(index, script.length - 1)] ?? {}) : script;
}

function send(answer: ReceiverAnswer, response: ServerResponse, timers: Set<NodeJS.Timeout>): void {
  if (answer.hang) return;
  if (answer.reset) return void response.socket?.resetAndDestroy();
  response.statusCode = answer.redirect === undefined ? (answer.status ?? 200) : 302;
  if (answer.redirect !== undefined) response.setHeader("location", answer.redirect);
  if (answer.retryAfter !== undefined) response.setHeader("retry-after", String(answer.retryAfter));
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (answer.flood) flood(response);
  else if (answer.dripMs !== undefined) drip(response, answer.dripMs, timers);
  else response.end(answer.body);
}

function flood(response: ServerResponse): void {
  const chunk = Buffer.alloc(16 * 1024, "x");
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", more);
  more();
}

function drip(response: ServerResponse, everyMs: number, timers: Set<NodeJS.Timeout>): void {
  if (response.destroyed) return;
  response.write("x");
  later(timers, everyMs, () => drip(response, everyMs, timers));
}

function later(timers: Set<NodeJS.Timeout>, ms: number, run: () => void): void {
  const timer = setTimeout(() => {
    timers.delete(timer);
    run();
  }, ms);
  timers.add(timer);
}
