import type { Call, SiteCall } from "./call.ts";
import { decodePart } from "./query.ts";

interface Path {
  method: "GET" | "POST" | "DELETE";
  /** Relative to the mount; `:name` stands for one segment. */
  path: string;
  /** Answers only with this name in the query; stands before the one that answers without. */
  query?: string;
}

/** Needs no key. */
export interface OpenRoute extends Path {
  key: "none";
  handle(call: Call): Response | Promise<Response>;
}

/** Needs a key: the public write key will do, or only the secret one. */
export interface KeyedRoute extends Path {
  key: "write" | "secret";
  /** Bytes that a body may have; without it none is read. */
  maxBody?: number;
  /** Bytes that a compressed one may inflate to. @default maxBody */
  maxInflated?: number;
  handle(call: SiteCall): Response | Promise<Response>;
}

export type Route = OpenRoute | KeyedRoute;

/** All routes of one path. */
export interface Place {
  /** For messages and the log, e.g. `/visitors/:siteId`. */
  path: string;
  routes: Route[];
  /** The `Allow` header. */
  allow: string;
}

export interface Match {
  place: Place;
  /** Raw path parameters by name, in the order of the path. */
  params?: [name: string, raw: string][];
}

/** Finds the place of a path: exactly as it is written, no trailing slash, no decoding. */
export function createMatcher(routes: readonly Route[]): (path: string) => Match | undefined {
  const fixed = new Map<string, Match>();
  const open: { segments: string[]; place: Place }[] = [];
  const places = new Map<string, Place>();
  for (const route of routes) {
    const place = places.get(route.path) ?? { path: route.path, routes: [], allow: "" };
    place.routes.push(route);
    place.allow = allowOf(place.routes);
    if (places.has(route.path)) continue;
    places.set(route.path, place);
    if (route.path.includes(":")) open.push({ segments: route.path.split("/"), place });
    else fixed.set(route.path, { place });
  }
  return (path) => {
    const match = fixed.get(path);
    if (match) return match;
    const parts = path.split("/", MAX_SEGMENTS);
    for (const { segments, place } of open) {
      const params = fit(segments, parts);
      if (params) return { place, params };
    }
    return undefined;
  };
}

const MAX_SEGMENTS = 8;

function allowOf(routes: Route[]): string {
  const methods = routes.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return [...new Set(methods), "OPTIONS"].join(", ");
}

function fit(segments: string[], parts: string[]): [string, string][] | undefined {
  if (segments.length !== parts.length) return undefined;
  const params: [string, string][] = [];
  for (let at = 0; at < segments.length; at++) {
    const segment = segments[at]!;
    const part = parts[at]!;
    if (segment.startsWith(":")) {
      if (part === "") return undefined;
      params.push([segment.slice(1), part]);
    } else if (segment !== part) return undefined;
  }
  return params;
}

/** The route of a place for a method and a query. */
export function pickRoute({ routes }: Place, method: string, query: string): Route | undefined {
  return routes.find((route) => route.method === method && (route.query === undefined || new URLSearchParams(query).has(route.query)));
}

export function decodeParams(params: [string, string][]): Record<string, string> {
  return Object.fromEntries(params.map(([name, raw]) => [name, decodePart(raw, name)]));
}

/** Splits a URL, or a path with a query, into both. Cheaper than `new URL`, which would also normalise. */
export function splitTarget(url: string): { path: string; query: string } {
  let start = 0;
  if (url.charCodeAt(0) !== 47) {
    const authority = url.indexOf("://");
    start = authority === -1 ? 0 : url.indexOf("/", authority + 3);
    if (start === -1) return { path: "/", query: "" };
  }
  const fragment = url.indexOf("#", start);
  const end = fragment === -1 ? url.length : fragment;
  const mark = url.indexOf("?", start);
  if (mark === -1 || mark > end) return { path: url.slice(start, end), query: "" };
  return { path: url.slice(start, mark), query: url.slice(mark + 1, end) };
}
