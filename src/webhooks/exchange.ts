import type { ClientRequest, IncomingMessage } from "node:http";
import type { Clock } from "../clock.ts";
import { parseRetryAfter } from "./schedule.ts";
import type { WebhookResponse } from "./transport.ts";

/** Read of an answer's body, so that a short one leaves the connection open for the next delivery. */
export const MAX_ANSWER_BYTES = 1_024;
/** The status is known by then; a body that takes longer costs the receiver its connection, not the delivery. */
const ANSWER_BODY_TIMEOUT_MS = 1_000;

export interface ExchangeOptions {
  signal: AbortSignal;
  /** Milliseconds until a new connection stands, TLS included. */
  connectTimeoutMs: number;
  secure: boolean;
  now: Clock;
}

/** An Error with a `code`: `timeout`, `aborted`, `blocked_address`, or node's own. */
export type Failure = Error & { code: string; /** A kept connection turned out to be closed. */ stale?: boolean };

export function failure(code: string, message: string): Failure {
  return Object.assign(new Error(message), { code });
}

/** Sends `body` over a fresh `request` and resolves with its status, once its answer is read or cut off. */
export function exchange(request: ClientRequest, body: Buffer, options: ExchangeOptions): Promise<WebhookResponse> {
  const { signal, now } = options;
  return new Promise((resolve, reject) => {
    let connectTimer: NodeJS.Timeout | undefined;
    let answered = false;
    const abort = () => request.destroy(failure("aborted", "stopped"));
    const release = () => {
      clearTimeout(connectTimer);
      signal.removeEventListener("abort", abort);
    };
    signal.addEventListener("abort", abort, { once: true });

    request.on("socket", (socket) => {
      socket.unref(); // a receiver that hangs must not keep the host's process
      if (!socket.connecting && request.reusedSocket) return;
      connectTimer = setTimeout(() => request.destroy(failure("timeout", "no connection in time")), options.connectTimeoutMs);
      connectTimer.unref();
      socket.once(options.secure ? "secureConnect" : "connect", () => clearTimeout(connectTimer));
    });
    request.on("response", (response) => {
      answered = true;
      readShort(response, () => {
        release();
        const retryAfter = parseRetryAfter(response.headers["retry-after"], now());
        resolve({ status: response.statusCode ?? 0, ...(retryAfter !== undefined && { retryAfter }) });
      });
    });
    request.on("error", (error: Failure) => {
      release();
      if (request.reusedSocket && error.code === "ECONNRESET") error.stale = true;
      reject(error);
    });
    request.on("close", () => {
      if (answered) return;
      release();
      reject(failure("ECONNRESET", "the connection was closed before an answer came"));
    });
    request.end(body);
  });
}

/** Reads at most 1 KiB, never inflates it, and cuts the connection when there is more or it takes long. */
function readShort(response: IncomingMessage, done: () => void): void {
  let left = MAX_ANSWER_BYTES;
  const timer = setTimeout(() => response.destroy(), ANSWER_BODY_TIMEOUT_MS);
  timer.unref();
  response.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) response.destroy();
  });
  response.on("error", () => {}); // the status has arrived: whatever the body does is no failure
  response.on("close", () => {
    clearTimeout(timer);
    done();
  });
}
