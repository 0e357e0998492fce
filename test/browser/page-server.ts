import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Analytics, type AnalyticsOptions, createAnalytics, type StoredEvent } from "../../src/index.ts";
import { bundleModule } from "../../tracker/plugin.ts";

export interface SentItem {
  type: string;
  pageUrl: string;
  eventId: string;
  timestamp: number;
  [field: string]: any;
}
export interface Batch {
  siteId: string;
  items: SentItem[];
  status: number;
  contentType: string | undefined;
  bytes: number;
  [field: string]: any;
}
interface Answer {
  /** Without one, the library's own. */
  status?: number;
  headers?: Record<string, string>;
  /** Never answers. */
  hang?: boolean;
}
interface Served {
  html: string;
  headers?: Record<string, string>;
}

export interface PageServer {
  origin: string;
  analytics: Analytics;
  /** Attributes of the script tag beside `src`, `data-site-id` and `data-key`. */
  attributes: string;
  /** Markup in the body of pages that `pages` does not name. */
  body: string;
  /** Pages and other files by path. */
  pages: Map<string, Served>;
  /** How the next batches are answered. */
  answer: Answer;
  /** Paths below the mount that were asked for, with their query. */
  asked: string[];
  /** Every batch that came, whatever was answered. */
  batches: Batch[];
  /** Items of batches answered 200; one that came again is there once, as it is counted. */
  accepted(): SentItem[];
  pageviews(): SentItem[];
  named(eventName: string): SentItem[];
  /** What the library has stored. */
  stored(): Promise<StoredEvent[]>;
  tag(): string;
  close(): Promise<void>;
}

const KEYS = { apiKey: "sk_demo_secret_of_the_tests", writeKey: "wk_demo_public_of_the_tests" };
let modules: Promise<string> | undefined;

async function bodyOf(request: IncomingMessage): Promise<Buffer<ArrayBuffer> | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return undefined; // the page gave up
  }
  return Buffer.concat(chunks);
}

/** Serves pages with the tracker on 127.0.0.1, the library mounted under `/api`, and records the batches it gets. */
export async function createPageServer(options: Partial<AnalyticsOptions> = {}): Promise<PageServer> {
  const hanging = new Set<ServerResponse>();
  // headless Chromium says that it is one
  const analytics = createAnalytics({ sites: [{ id: "demo", ...KEYS }, { id: "other", apiKey: "sk_other_secret", writeKey: "wk_other_public" }], bots: "count", ...options });
  const { trackerPath = "/tracker.js" } = options;

  async function serveApi(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    self.asked.push(url.pathname.slice(4) + url.search);
    const body = request.method === "POST" ? await bodyOf(request) : undefined;
    if (request.method === "POST" && !body) return;
    const { status, headers, hang } = self.answer;
    const isBatch = body && !url.searchParams.has("rec");
    const batch = isBatch && ({ ...JSON.parse(body.toString()), status: 0, contentType: request.headers["content-type"], bytes: body.length } as Batch);
    if (batch) self.batches.push(batch);
    if (batch && hang) return void hanging.add(response);
    if (batch && status) {
      batch.status = status;
      return void response.writeHead(status, headers).end("{}");
    }
    const answer = await analytics.fetch(
      new Request(url.origin + url.pathname.slice(4) + url.search, {
        method: request.method!,
        headers: Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]),
        ...(body && { body }),
      }),
      { ip: "127.0.0.1" },
    );
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (batch) batch.status = answer.status;
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(bytes);
  }

  const http = createServer(async (request, response) => {
    const url = new URL(request.url!, `http://${request.headers.host}`);
    if (url.pathname.startsWith("/api/")) return serveApi(request, response, url);
    if (url.pathname === "/wysleap.mjs") {
      modules ??= bundleModule();
      return void response.writeHead(200, { "content-type": "text/javascript" }).end(await modules);
    }
    const page = self.pages.get(url.pathname);
    const html = page?.html ?? `<!doctype html><title>${url.pathname}</title>${self.tag()}<body>${self.body}`;
    response.writeHead(200, { "content-type": "text/html", ...page?.headers }).end(html);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));

  const accepted = () => [
    ...new Map(self.batches.filter((batch) => batch.status === 200).flatMap((batch) => batch.items).map((item) => [item.eventId, item])).values(),
  ];
  const self: PageServer = {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    analytics,
    attributes: "",
    body: "",
    pages: new Map(),
    answer: {},
    asked: [],
    batches: [],
    accepted,
    pageviews: () => accepted().filter((item) => item.type === "pageview"),
    named: (eventName) => accepted().filter((item) => item.eventName === eventName),
    stored: async () => {
      const events: StoredEvent[] = [];
      for await (const event of analytics.exportEvents("demo")) events.push(event);
      return events;
    },
    tag: () => `<script defer src="/api${trackerPath}" data-site-id="demo" data-key="${KEYS.writeKey}" ${self.attributes}></script>`,
    close: async () => {
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      });
      await analytics.close();
    },
  };
  return self;
}
