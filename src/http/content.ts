import { AnalyticsError } from "../errors.ts";
import type { Call } from "./call.ts";

export type Coding = "gzip" | "br" | "deflate";

const CODINGS: Record<string, Coding> = { gzip: "gzip", "x-gzip": "gzip", br: "br", deflate: "deflate" };
/** text/plain is what `sendBeacon` uses, so that the browser sends no preflight. */
const READ_AS_JSON = new Set(["application/json", "text/plain", "application/octet-stream", ""]);
const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i;

/** Throws 415 for a body that is not JSON in UTF-8 by its own account. */
export function checkMediaType(call: Call): void {
  const header = call.header("content-type");
  if (header === undefined || header === "application/json") return;
  const end = header.indexOf(";");
  const type = (end === -1 ? header : header.slice(0, end)).trim().toLowerCase();
  if (!READ_AS_JSON.has(type) && !type.endsWith("+json")) {
    throw new AnalyticsError("UNSUPPORTED_ENCODING", "Content-Type must be application/json or text/plain with JSON");
  }
  if (end === -1) return;
  const charset = CHARSET.exec(header)?.[1]?.toLowerCase();
  if (charset !== undefined && charset !== "utf-8" && charset !== "utf8" && charset !== "us-ascii") {
    throw new AnalyticsError("UNSUPPORTED_ENCODING", "The body's charset must be utf-8");
  }
}

/** How the body is compressed: once at most, else 415. */
export function readCoding(call: Call): Coding | undefined {
  const header = call.header("content-encoding");
  if (header === undefined) return undefined;
  const name = header.trim().toLowerCase();
  if (name === "" || name === "identity") return undefined;
  const coding = Object.hasOwn(CODINGS, name) ? CODINGS[name] : undefined;
  if (coding) return coding;
  throw new AnalyticsError("UNSUPPORTED_ENCODING", "Content-Encoding must be one of gzip, br, deflate, applied once");
}

/** The declared length in bytes, when there is a usable one. */
export function readLength(call: Call): number | undefined {
  const header = call.header("content-length");
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

/** 413 after which the connection is closed: what the client still sends is not read. */
export function tooLarge(call: Call, limit: number): AnalyticsError {
  return new AnalyticsError("PAYLOAD_TOO_LARGE", `The body is larger than ${limit} bytes`, { headers: closing(call) });
}

/** HTTP/2 knows no `Connection` header. */
export function closing(call: Call): Record<string, string> {
  return call.node && call.node.httpVersionMajor > 1 ? {} : { connection: "close" };
}
