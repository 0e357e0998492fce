import { toTimestamp, type Clock } from "./clock.ts";
import { AnalyticsError } from "./errors.ts";
import type { RequestFacts, TelemetryInput } from "./event.ts";
import type { AnalyticsApi } from "./http/api.ts";
import { parseVisitorId, toExportRange, toReplaysQuery, toTab, toTimelineQuery, toVisitorsQuery } from "./http/query.ts";
import { endpointOf, toDeliveriesQuery, toSince } from "./http/webhook-query.ts";
import { CLIENT_ID } from "./ids.ts";
import type { VisitorReports } from "./ingest/visitors.ts";
import { parseEngagement, parseEvent, parsePageview } from "./ingest/schema.ts";
import type { Analytics, TrackContext, Tracked } from "./public-api.ts";
import { isObject } from "./rule.ts";
import type { Site, Sites } from "./site.ts";

export interface InProcessParts {
  api: AnalyticsApi;
  reports: VisitorReports;
  sites: Pick<Sites, "find">;
  now: Clock;
}

/** What HTTP answers, as calls within this process: the same checks, the same errors. */
export function createInProcess({ api, reports, sites, now }: InProcessParts): Omit<Analytics, "fetch" | "paths" | "on" | "close"> {
  const { webhooks } = api;

  async function siteOf(siteId: unknown): Promise<Site> {
    if (siteId === undefined || siteId === "") throw invalid("Missing required field: siteId");
    const site = typeof siteId === "string" ? await sites.find(siteId) : undefined;
    if (!site) throw new AnalyticsError("NOT_FOUND", "Site not found");
    return site;
  }

  async function track(parse: (body: Record<string, unknown>) => TelemetryInput, given: unknown, context?: unknown): Promise<Tracked> {
    const body = { ...objectOf(given ?? null, "The hit") };
    const { ip, userAgent, timestamp, headers } = objectOf(context, "The context") as TrackContext;
    if (headers !== undefined && !isObject(headers)) throw invalid("headers must be an object or Headers");
    const site = await siteOf(body["siteId"]);
    if (timestamp !== undefined) body["timestamp"] = timestamp;
    if (userAgent !== undefined) body["userAgent"] = userAgent;
    if (ip !== undefined) body["ip"] = ip;
    const { at, ...receipt } = await api.track(site, parse(body), toFacts({ ip, headers }, now()));
    return { ...receipt, timestamp: toTimestamp(at) };
  }

  return {
    trackPageview: (input, context) => track(parsePageview, input, context),
    trackEvent: (input, context) => track(parseEvent, input, context),
    trackEngagement: (input, context) => track(parseEngagement, input, context),
    getVisitors: async (siteId, query) => reports.getVisitors(await siteOf(siteId), toVisitorsQuery(objectOf(query, "The query"))),
    async getVisitor(siteId, visitorId, timeline) {
      const site = await siteOf(siteId);
      const page = toTimelineQuery(objectOf(timeline, "The timeline"));
      return CLIENT_ID.test(required(visitorId, "visitorId")) ? reports.getVisitor(site, visitorId, page) : undefined;
    },
    getReplays: async (siteId, query) => api.getReplays(await siteOf(siteId), toReplaysQuery(objectOf(query, "The query"))),
    readReplay: async (siteId, sessionId, tab) => api.readReplay(await siteOf(siteId), required(sessionId, "sessionId"), toTab(tab)),
    async eraseVisitor(siteId, visitorId) {
      await api.eraseVisitor(await siteOf(siteId), parseVisitorId(visitorId));
    },
    async *exportEvents(siteId, range) {
      yield* api.exportEvents(await siteOf(siteId), toExportRange(objectOf(range, "The range")));
    },
    webhooks: {
      deliveries: async (siteId, query) => webhooks.deliveries(await siteOf(siteId), toDeliveriesQuery(objectOf(query, "The query"))),
      retry: async (siteId, id) => webhooks.retry(await siteOf(siteId), required(id, "id")),
      async test(siteId, endpoint) {
        const site = await siteOf(siteId);
        return webhooks.test(site, endpointOf(site, endpoint));
      },
      async recover(siteId, since, endpoint) {
        const site = await siteOf(siteId);
        return webhooks.recover(site, toSince(since), endpointOf(site, endpoint));
      },
    },
  };
}

function invalid(message: string): AnalyticsError {
  return new AnalyticsError("VALIDATION_ERROR", message);
}

/** Left out is empty; everything else that is no object is a mistake. */
function objectOf(given: unknown, what: string): Record<string, unknown> {
  if (given === undefined) return {};
  if (!isObject(given)) throw invalid(`${what} must be an object`);
  return given;
}

function required(given: unknown, name: string): string {
  if (typeof given !== "string" || given === "") throw invalid(`Missing required field: ${name}`);
  return given;
}

function toFacts({ ip, headers }: TrackContext, receivedAt: number): RequestFacts {
  const lowered = new Map<string, string>();
  const pairs = headers instanceof Headers ? headers.entries() : Object.entries(headers ?? {});
  for (const [name, value] of pairs) if (value !== undefined) lowered.set(name.toLowerCase(), String(value));
  return { receivedAt, ip, header: (name) => lowered.get(name), trust: "host" };
}
