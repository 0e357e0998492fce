import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PARTS, type Part } from "../../tracker/parts.ts";
import { bundleScript } from "../../tracker/plugin.ts";

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
  /** Attributes of the script tag beside `src` and `data-site-id`. */
  attributes: string;
  /** The script's file: `tracker.js` has all parts, `lean.js` is the default bundle. */
  script: string;
  /** Markup in the body of pages that `pages` does not name. */
  body: string;
  /** Pages and other files by path. */
  pages: Map<string, Served>;
  /** How the next batches are answered. */
  answer: Answer;
  /** Every batch that came, whatever was answered. */
  batches: Batch[];
  /** Items of batches answered 200. */
  accepted(): SentItem[];
  pageviews(): SentItem[];
  named(eventName: string): SentItem[];
  tag(): string;
  close(): Promise<void>;
}

const everyPart = Object.fromEntries(Object.keys(PARTS).map((part) => [part, true])) as Record<Part, boolean>;
let scripts: Promise<Record<string, string>> | undefined;
const bundles = (): Promise<Record<string, string>> =>
  (scripts ??= (async () => ({
    "/api/tracker.js": await bundleScript("tracker", everyPart),
    "/api/lean.js": await bundleScript("tracker"),
  }))());

/** Serves pages with the tracker on 127.0.0.1, and records the batches it gets. */
export async function createPageServer(): Promise<PageServer> {
  const files = await bundles();
  const hanging = new Set<ServerResponse>();

  const http = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    if (request.method === "POST") {
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of request) chunks.push(chunk as Buffer);
      } catch {
        return; // the page gave up
      }
      const text = Buffer.concat(chunks);
      const { status = 200, headers, hang } = self.answer;
      self.batches.push({
        ...JSON.parse(text.toString()),
        status: hang ? 0 : status,
        contentType: request.headers["content-type"],
        bytes: text.length,
      });
      if (hang) hanging.add(response);
      else response.writeHead(status, headers).end("{}");
      return;
    }
    if (pathname in files) {
      response.writeHead(200, { "content-type": "text/javascript" }).end(files[pathname]);
      return;
    }
    const page = self.pages.get(pathname);
    const html = page?.html ?? `<!doctype html><title>${pathname}</title>${self.tag()}<body>${self.body}`;
    response.writeHead(200, { "content-type": "text/html", ...page?.headers }).end(html);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));

  const accepted = () => self.batches.filter((batch) => batch.status === 200).flatMap((batch) => batch.items);
  const self: PageServer = {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    attributes: "",
    script: "tracker.js",
    body: "",
    pages: new Map(),
    answer: {},
    batches: [],
    accepted,
    pageviews: () => accepted().filter((item) => item.type === "pageview"),
    named: (eventName) => accepted().filter((item) => item.eventName === eventName),
    tag: () =>
      `<script defer src="/api/${self.script}" data-site-id="demo" data-key="wk_demo" ${self.attributes}></script>`,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return self;
}
