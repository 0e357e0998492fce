import type { IncomingMessage } from "node:http";
import type { RequestFacts } from "../event.ts";
import type { Site } from "../site.ts";
import type { FetchContext } from "./api.ts";

/** One header as `Response` takes it; arrays of them are the cheapest form that srvx sends. */
export type HeaderPair = [name: string, value: string];

export const JSON_TYPE: HeaderPair = ["content-type", "application/json; charset=utf-8"];
export const NOSNIFF: HeaderPair = ["x-content-type-options", "nosniff"];
export const NO_STORE: HeaderPair = ["cache-control", "no-store"];

/** One request on its way through the checks. */
export interface Call {
  request: Request;
  context: FetchContext | undefined;
  /** Node's own request, when there is one. */
  node: IncomingMessage | undefined;
  method: string;
  /** The raw query, without `?`. */
  query: string;
  /** Decoded path parameters. */
  params: Record<string, string>;
  /** Reads a request header by its lower-case name. */
  header(name: string): string | undefined;
  /** Headers that every answer from here on carries: rate limit, CORS. */
  headers: HeaderPair[];
  receivedAt: number;
}

/** A call whose key is recognised and allowed. */
export interface SiteCall extends Call {
  site: Site;
  facts: RequestFacts;
  /** The parsed body without `_apiKey`; empty for GET and DELETE. */
  body: Record<string, unknown>;
}

/** The srvx request on Node, as far as we read it. */
export interface HostRequest {
  readonly ip?: string;
  readonly runtime?: { node?: { req?: IncomingMessage } };
}

export function createCall(request: Request, context: FetchContext | undefined, receivedAt: number): Call {
  const node = (request as HostRequest).runtime?.node?.req;
  return {
    request,
    context,
    node,
    method: request.method,
    query: "",
    params: NO_PARAMS,
    header: node ? (name) => nodeHeader(node, name) : (name) => request.headers.get(name) ?? undefined,
    headers: [],
    receivedAt,
  };
}

const NO_PARAMS: Record<string, string> = Object.freeze({});

function nodeHeader(node: IncomingMessage, name: string): string | undefined {
  const value = node.headers[name];
  return typeof value === "object" ? value.join(", ") : value;
}
