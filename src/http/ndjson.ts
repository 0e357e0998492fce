import { setImmediate } from "node:timers/promises";
import { FastResponse } from "srvx";
import type { HeaderPair, SiteCall } from "./call.ts";
import { NO_STORE, NOSNIFF } from "./call.ts";

/** Characters gathered into one chunk of the stream. */
const CHUNK_LENGTH = 32 * 1024;
const NDJSON: HeaderPair = ["content-type", "application/x-ndjson; charset=utf-8"];

export interface LinesAnswer<T> {
  /** Already read, before the status is sent: storage that is down must be a 503. */
  first: IteratorResult<T, unknown>;
  rest: AsyncIterator<T>;
  /** Without the line break. */
  toLine(value: T): string;
  onFault(fault: unknown): void;
  /** Names what broke off. */
  what: string;
}

/** Answers a line for each value, read only as fast as the client takes them. */
export function answerLines<T>(call: SiteCall, answer: LinesAnswer<T>): Response {
  return new FastResponse(toStream(answer), { headers: [NDJSON, NOSNIFF, NO_STORE, ...call.headers] });
}

function toStream<T>({ first, rest, toLine, onFault, what }: LinesAnswer<T>): ReadableStream {
  const encoder = new TextEncoder();
  let next = first;
  return new ReadableStream({
    async pull(controller) {
      try {
        let text = "";
        while (!next.done && text.length < CHUNK_LENGTH) {
          text += `${toLine(next.value)}\n`;
          next = await rest.next();
        }
        if (text !== "") controller.enqueue(encoder.encode(text));
        if (next.done) controller.close();
        // a fast client and values at hand would otherwise keep everybody else from their turn
        else await setImmediate();
      } catch (fault) {
        onFault(fault);
        controller.error(new Error(`the ${what} broke off`));
      }
    },
    async cancel() {
      await rest.return?.();
    },
  });
}
