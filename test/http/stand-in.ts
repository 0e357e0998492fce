import type { RequestListener } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { toNodeHandler } from "srvx/node";
import type { StoredEvent, TelemetryInput } from "../../src/event.ts";
import type { AnalyticsApi } from "../../src/http/api.ts";
import type { App, AppParts } from "../../src/http/app.ts";
import { createApp } from "../../src/http/app.ts";
import { createId } from "../../src/ids.ts";
import type { Reporter } from "../../src/logger.ts";
import { createFixedWindow } from "../../src/rate-limit/fixed-window.ts";
import { createSites } from "../../src/site.ts";
import type { HttpSubject } from "../../src/testing/case.ts";
import { CONTRACT_SITES } from "../../src/testing/case.ts";

/** Lines that the library told its owner. */
export function createLog(): Reporter & { lines: string[] } {
  const lines: string[] = [];
  return { lines, report: (level, _kind, message) => lines.push(`${level}: ${message}`) };
}

/** The least that answers: a list of events, no identity, no scores. */
export function createApi(): AnalyticsApi & { events: StoredEvent[] } {
  const events: StoredEvent[] = [];
  const byId = new Map<string, object>();
  const of = (siteId: string, visitorId?: string) =>
    events.filter((event) => event.siteId === siteId && (visitorId === undefined || event.visitorId === visitorId));
  const toVisitor = (visitorId: string, last: StoredEvent) => ({
    visitorId,
    lastVisit: `${new Date(last.at).toISOString().slice(0, 19)}Z`,
    visitCount: 1,
    browser: "Chrome",
    intentScore: { level: "low", score: 1, factors: ["New visitor"] },
    accuracyMetrics: { confidence: 0.5, fingerprintQuality: "fair" },
  });
  return {
    events,
    async track(site, input: TelemetryInput, facts) {
      const eventId = input.eventId ?? createId("evt");
      const known = byId.get(`${site.id} ${eventId}`);
      if (known) return known as never;
      const receipt = {
        visitorId: input.visitorId ?? createId("vis"),
        sessionId: input.sessionId ?? createId("sess"),
        eventId,
        at: facts.receivedAt,
        ...(input.type === "pageview" && { pageviewId: input.pageviewId ?? createId("pv") }),
      };
      const agent = facts.trust === "write" ? facts.header("user-agent") : input.userAgent;
      if (/bot/i.test(agent ?? "")) return { ...receipt, dropped: "bot" as const };
      byId.set(`${site.id} ${eventId}`, receipt);
      const name = input.type === "event" ? input.eventName : undefined;
      events.push({ ...receipt, id: eventId, siteId: site.id, type: input.type, visit: 1, day: "2025-01-15", name });
      return receipt;
    },
    addReplay: async () => ({ accepted: false, reason: "off", record: false, dropped: 0 }),
    getReplays: async () => ({ replays: [], totalBytes: 0, budgetBytes: 0 }),
    readReplay: async () => undefined,
    async getVisitors(site) {
      const last = new Map(of(site.id).map((event) => [event.visitorId, event]));
      return {
        site: {
          totalPageviews: of(site.id).length,
          totalEvents: 0,
          avgTimeOnPage: 0,
          bounceRate: 0,
          pageviewsByDay: [{ date: "2025-01-15", views: 1 }],
          topPages: [{ path: "/", views: 1, avgTimeOnPage: 0 }],
        },
        visitors: [...last].map(([visitorId, event]) => toVisitor(visitorId, event)),
        uniqueVisitors: last.size,
        activeVisitors: last.size,
        totalCountries: 0,
        patterns: { returningVisitorRate: 0 },
      };
    },
    async getVisitor(site, visitorId) {
      const last = of(site.id, visitorId).at(-1);
      return last && toVisitor(visitorId, last);
    },
    async eraseVisitor(site, visitorId) {
      for (const event of of(site.id, visitorId)) events.splice(events.indexOf(event), 1);
    },
    async *exportEvents(site, { from = 0, to = Number.POSITIVE_INFINITY }) {
      yield* of(site.id).filter(({ at }) => at >= from && at < to);
    },
    webhooks: {
      deliveries: () => ({ deliveries: [] }),
      retry: () => 0,
      test: async () => [],
      recover: async () => ({ queued: 0, complete: true }),
    },
    health: () => ({ status: "ok" }),
  };
}

export function createTestApp(parts: Partial<AppParts> = {}): App {
  const now = parts.now ?? Date.now;
  const reporter = parts.reporter ?? createLog();
  return createApp({
    api: createApi(),
    sites: createSites(CONTRACT_SITES, { now, reporter }),
    limiter: createFixedWindow({ now }),
    reporter,
    now,
    ...parts,
  });
}

export interface TestServer extends HttpSubject {
  port: number;
}

/** The app alone on a real server, mounted below nothing. */
export async function serveApp(app: Pick<App, "fetch">): Promise<TestServer> {
  const server = createServer(toNodeHandler((request) => app.fetch(request)) as RequestListener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    base: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
