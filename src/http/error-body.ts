import { FastResponse } from "srvx";
import { AnalyticsError } from "../errors.ts";
import { createId } from "../ids.ts";
import type { Reporter } from "../logger.ts";
import type { Call, HeaderPair } from "./call.ts";
import { JSON_TYPE, NOSNIFF } from "./call.ts";

const MAX_KIND_LENGTH = 80;
const LINGER_MS = 500;

/** Any fault as an answer. What a client may not see goes to the log, under the id that the answer carries. */
export function answerError(fault: unknown, route: string, call: Call | undefined, reporter: Reporter): Response {
  const error = fault instanceof AnalyticsError ? fault : new AnalyticsError("SERVER_ERROR", "", { cause: fault });
  const headers: HeaderPair[] = [JSON_TYPE, NOSNIFF];
  for (const pair of call?.headers ?? []) {
    if (error.retryAfter === undefined || pair[0] !== "retry-after") headers.push(pair);
  }
  if (error.headers) headers.push(...Object.entries(error.headers));
  const retryAfter = error.retryAfter === undefined ? undefined : Math.max(1, Math.ceil(error.retryAfter));
  if (retryAfter !== undefined) headers.push(["retry-after", String(retryAfter)]);
  if (error.code === "SERVER_ERROR") {
    headers.push(["x-request-id", reportFault(error, route, reporter)]);
    return new FastResponse(SERVER_ERROR_TEXT, { status: 500, headers });
  }
  if (error.code === "UNAVAILABLE" && error.cause !== undefined) {
    reporter.report("error", `503 ${route}`, `${route} answered 503: ${error.message}`, error.cause);
  }
  const body = errorFields(error);
  if (error.code === "RATE_LIMIT_EXCEEDED" && retryAfter !== undefined) body.retryAfter = retryAfter;
  const text = JSON.stringify(body);
  const isCutShort = error.code === "PAYLOAD_TOO_LARGE" && call?.node?.complete === false;
  return new FastResponse(isCutShort ? lingering(text, headers) : text, { status: error.status, headers });
}

/**
 * The answer to a client that is still sending what we do not read. Hanging up at once would reset the connection, and
 * many clients would then report that instead of the answer; so the connection stays open until they have seen it.
 */
function lingering(text: string, headers: HeaderPair[]): ReadableStream {
  const bytes = new TextEncoder().encode(text);
  headers.push(["content-length", String(bytes.length)]);
  let timer: NodeJS.Timeout;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      timer = setTimeout(() => controller.close(), LINGER_MS).unref();
    },
    cancel: () => clearTimeout(timer),
  });
}

const SERVER_ERROR_TEXT = JSON.stringify({ error: "Internal server error", code: "SERVER_ERROR" });

/** `error` and `code` as every error body begins with. */
export function errorFields(error: AnalyticsError): Record<string, unknown> {
  const message = error.code === "SERVER_ERROR" ? "Internal server error" : error.message;
  return { error: message, code: error.code };
}

function reportFault(error: AnalyticsError, route: string, reporter: Reporter): string {
  const id = createId("req");
  const cause = error.cause ?? error;
  // by message, so that one noisy fault does not hide another within the reporter's minute
  const kind = `500 ${route} ${String(cause).slice(0, MAX_KIND_LENGTH)}`;
  reporter.report("error", kind, `${route} answered 500, request ${id}`, cause);
  return id;
}
