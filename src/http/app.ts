import { replayScript, trackerFull, trackerScript } from "#tracker";
import { FastResponse } from "srvx";
import type { Clock } from "../clock.ts";
import type { ErrorCode } from "../errors.ts";
import { AnalyticsError, unavailable } from "../errors.ts";
import type { Reporter } from "../logger.ts";
import { createFixedWindow } from "../rate-limit/fixed-window.ts";
import type { RateLimiter } from "../rate-limit/limiter.ts";
import type { Sites } from "../site.ts";
import { createAdmission } from "./admission.ts";
import { withoutBody } from "./answer.ts";
import type { AnalyticsApi, FetchContext } from "./api.ts";
import { scriptRoute } from "./assets.ts";
import { createBodyReader } from "./body.ts";
import type { Call } from "./call.ts";
import { createCall, JSON_TYPE, NOSNIFF } from "./call.ts";
import { createClientIp } from "./client-ip.ts";
import { answerOptions } from "./cors.ts";
import { answerError } from "./error-body.ts";
import { openapiRoute } from "./openapi.ts";
import type { Match, Route } from "./route.ts";
import { createMatcher, decodeParams, pickRoute, splitTarget } from "./route.ts";
import { batchRoute } from "./routes/batch.ts";
import { eventRoute } from "./routes/event.ts";
import { eventsRoute } from "./routes/events.ts";
import { healthRoute } from "./routes/health.ts";
import { pageviewRoute } from "./routes/pageview.ts";
import { eraseVisitorRoute, visitorRoute } from "./routes/visitor.ts";
import { replayEventsRoute, replayRoute, replaysRoute } from "./routes/replay.ts";
import { visitorsRoute } from "./routes/visitors.ts";
import { deliveriesRoute, recoverWebhooksRoute, retryRoute, testWebhooksRoute } from "./routes/webhooks.ts";
import type { HttpStats } from "./stats.ts";
import { countOne, createStats } from "./stats.ts";
import type { UploadBounds } from "./upload.ts";

const TELEMETRY_BYTES = 64 * 1024;
const BATCH_BYTES = 256 * 1024;
const REPLAY_BYTES = 1024 * 1024;
const REPLAY_INFLATED_BYTES = 8 * 1024 * 1024;
const TRACKER_PATH = "/tracker.js";
/** Requests between their arrival and their answer; more get 503 before anything of them is read. */
const MAX_IN_FLIGHT = 1_000;

export interface AppParts {
  api: AnalyticsApi;
  sites: Sites;
  /** Counts requests per key. */
  limiter: RateLimiter;
  reporter: Reporter;
  now: Clock;
  /** See `AnalyticsOptions.trustProxy`. */
  trustProxy?: number | string[];
  /** See `RateLimitOptions.perNetwork`. */
  perNetwork?: number;
  /** See `AnalyticsOptions.trackerPath`. */
  trackerPath?: string;
  /** @default UPLOAD_BOUNDS and 1,000 requests */
  bounds?: Partial<UploadBounds & { maxInFlight: number }>;
}

export interface App {
  /** Never rejects. A path that is not ours: 404 with `X-WysLeap-Route: none`, its body untouched. */
  fetch(request: Request, context?: FetchContext): Promise<Response>;
  /** What it answers, as patterns relative to the mount: `/health`, `/visitors/**`. */
  paths: readonly string[];
  stats(): HttpStats;
}

/** Everything that is served, relative to the mount. */
function createRoutes(api: AnalyticsApi, trackerPath: string, events: RouteEvents): Route[] {
  const { onDrop, onFault, stats } = events;
  const telemetry = { method: "POST", key: "write", maxBody: TELEMETRY_BYTES } as const;
  const batch = { ...telemetry, handle: batchRoute({ api, ...events }), maxBody: BATCH_BYTES } as const;
  const replay = { ...telemetry, handle: replayRoute(api), maxBody: REPLAY_BYTES, maxInflated: REPLAY_INFLATED_BYTES } as const;
  const secret = { method: "GET", key: "secret" } as const;
  const open = { method: "GET", key: "none" } as const;
  return [
    { ...telemetry, path: "/telemetry/pageview", handle: pageviewRoute(api, onDrop) },
    { ...telemetry, path: "/telemetry/event", handle: eventRoute(api, onDrop) },
    { ...batch, path: "/telemetry/batch" },
    { ...replay, path: "/telemetry/replay" },
    { ...secret, path: "/visitors/:siteId", handle: visitorsRoute(api) },
    { ...secret, path: "/visitors/:siteId/:visitorId", handle: visitorRoute(api) },
    { ...secret, path: "/visitors/:siteId/:visitorId", handle: eraseVisitorRoute(api), method: "DELETE" },
    { ...secret, path: "/events/:siteId", handle: eventsRoute(api, onFault) },
    { ...secret, path: "/webhooks/:siteId/deliveries", handle: deliveriesRoute(api) },
    { ...secret, path: "/webhooks/:siteId/deliveries/:id/retry", handle: retryRoute(api), method: "POST" },
    { ...secret, path: "/webhooks/:siteId/test", handle: testWebhooksRoute(api), method: "POST" },
    { ...secret, path: "/webhooks/:siteId/recover", handle: recoverWebhooksRoute(api), method: "POST" },
    { ...secret, path: "/replays/:siteId", handle: replaysRoute(api) },
    { ...secret, path: "/replays/:siteId/:sessionId", handle: replayEventsRoute(api, onFault) },
    // one address, of the owner's choice, for all that a page needs: lists of blocked paths match words like "telemetry"
    { ...open, path: trackerPath, query: "full", handle: scriptRoute(trackerFull) },
    { ...open, path: trackerPath, query: "rec", handle: scriptRoute(replayScript) },
    { ...open, path: trackerPath, handle: scriptRoute(trackerScript) },
    { ...replay, path: trackerPath, query: "rec" },
    { ...batch, path: trackerPath },
    { ...open, path: "/replay.js", handle: scriptRoute(replayScript) },
    { ...open, path: "/openapi.json", handle: openapiRoute(trackerPath) },
    { ...open, path: "/health", handle: healthRoute(api, stats) },
  ];
}

interface RouteEvents {
  onDrop(reason: string): void;
  onFault(fault: unknown): void;
  onRejectedItem(code: ErrorCode): void;
  onDiscarded(items: number): void;
  stats(): HttpStats;
}

/** The HTTP side: routes, and the order of checks in front of them. */
export function createApp(parts: AppParts): App {
  const { api, sites, limiter, reporter, now } = parts;
  const counts = createStats();
  const maxInFlight = parts.bounds?.maxInFlight ?? MAX_IN_FLIGHT;
  const onFault = (fault: unknown) => reporter.report("error", "answer", "a part of an answer failed", fault);
  const onDrop = (reason: string) => countOne(counts.dropped, reason);
  const onRejectedItem = (code: ErrorCode) => countOne(counts.rejectedItems, code);
  const onDiscarded = (items: number) => void (counts.discarded += items);
  const stats = () => structuredClone(counts);
  const routes = createRoutes(api, parts.trackerPath ?? TRACKER_PATH, { onDrop, onFault, onRejectedItem, onDiscarded, stats });
  const match = createMatcher(routes);
  const admit = createAdmission({
    sites,
    limiter,
    now,
    perNetwork: parts.perNetwork,
    failures: createFixedWindow({ now }),
    networks: createFixedWindow({ now }),
    clientIp: createClientIp(parts.trustProxy),
    bodies: createBodyReader({ reporter, bounds: parts.bounds, onPoison: () => counts.cleaned++ }),
  });

  async function answer(call: Call, { place, params }: Match): Promise<Response> {
    if (call.method === "OPTIONS") {
      return answerOptions(call, place.allow, place.routes.some((route) => route.key === "write"), sites);
    }
    const isHead = call.method === "HEAD";
    const route = pickRoute(place, isHead ? "GET" : call.method, call.query);
    if (!route) {
      const headers = { allow: place.allow };
      throw new AnalyticsError("METHOD_NOT_ALLOWED", `${place.path} answers ${place.allow}`, { headers });
    }
    if (params) call.params = decodeParams(params);
    const response = route.key === "none" ? await route.handle(call) : await route.handle(await admit(call, route));
    return isHead ? withoutBody(response) : response;
  }

  async function answerCounted(request: Request, context: FetchContext | undefined, found: Match, query: string) {
    let call: Call | undefined;
    counts.requests++;
    counts.inFlight++;
    try {
      if (counts.inFlight > maxInFlight) throw unavailable("Too many requests at once, try again");
      call = createCall(request, context, now());
      call.query = query;
      const response = await answer(call, found);
      counts.accepted++;
      return response;
    } catch (fault) {
      countOne(counts.rejected, fault instanceof AnalyticsError ? fault.code : "SERVER_ERROR");
      return answerError(fault, `${request.method} ${found.place.path}`, call, reporter);
    } finally {
      counts.inFlight--;
    }
  }

  return {
    async fetch(request, context) {
      if (typeof (request as Request | undefined)?.method !== "string") return noRequest();
      const { path, query } = splitTarget(context?.path ?? urlOf(request));
      const found = match(path);
      return found ? answerCounted(request, context, found, query) : notOurs();
    },
    paths: [...new Set(routes.map(({ path }) => path.replace(/^(\/[^/]+)\/.*$/, "$1/**")))],
    stats,
  };
}

/** A request line that is no URL makes some hosts throw here. */
function urlOf(request: Request): string {
  try {
    return request.url;
  } catch {
    return "";
  }
}

const NOT_OURS = JSON.stringify({ error: "Not found", code: "NOT_FOUND" });

const NO_REQUEST = JSON.stringify({ error: "fetch needs a Request: new Request(url, init)", code: "VALIDATION_ERROR" });

/** A URL or nothing at all, handed to `fetch` by mistake. */
function noRequest(): Response {
  return new FastResponse(NO_REQUEST, { status: 400, headers: [JSON_TYPE, NOSNIFF] });
}

function notOurs(): Response {
  return new FastResponse(NOT_OURS, { status: 404, headers: [JSON_TYPE, NOSNIFF, ["x-wysleap-route", "none"]] });
}
