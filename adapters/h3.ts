import type { IncomingMessage, ServerResponse } from "node:http";
// As a namespace, because h3 1 has no `H3` and a named import would fail when it is linked.
import * as h3 from "h3";
import { NodeRequest } from "srvx/node";
import type { Analytics } from "../src/index.ts";

/** As much of an h3 1 event as is used here. */
interface EventOfH3v1 {
  path: string;
  context: { clientAddress?: string; params?: Record<string, string> };
  node: { req: IncomingMessage & { body?: unknown }; res: ServerResponse };
}

/** Mounts in h3 2; to h3 1 it is an event handler and a web handler. */
export interface Mountable {
  (event: EventOfH3v1): Promise<Response | undefined>;
  (request: Request, context?: Record<string, unknown>): Promise<Response>;
}

/** How deep a mount may be that h3 1's `fromWebHandler` does not tell us about. */
const MAX_MOUNT_SEGMENTS = 3;

/**
 * For h3 2 and h3 1. Your own routes below the same prefix go on working, before and after it. The client's address is
 * the socket's; behind proxies say which you trust in `createAnalytics({ trustProxy })`.
 *
 * @example
 * const app = new H3(); // h3 2
 * app.mount("/api", wysleap(analytics));
 *
 * @example
 * const app = createApp(); // h3 1
 * app.use("/api", wysleap(analytics)); // or router.use("/api/**", wysleap(analytics))
 * // or app.use("/api", fromWebHandler(wysleap(analytics))): h3 then tells no client address, and it has already begun
 * // to read the body of every request below /api, also of those that are for your own routes after it
 */
export function wysleap(analytics: Pick<Analytics, "fetch" | "paths">): Mountable {
  async function answer(request: Request, path: string, ip?: string, body?: unknown) {
    const response = await analytics.fetch(request, { path, ip, body });
    return response.status === 404 && response.headers.get("x-wysleap-route") === "none" ? undefined : response;
  }

  async function handle(input: Request | EventOfH3v1, context: EventOfH3v1["context"] = {}) {
    if ("node" in input) {
      const { req, res } = input.node;
      const body = req.readableEnded ? (req.body ?? undefined) : undefined;
      return answer(new NodeRequest({ req, res }), pathOf(input), input.context.clientAddress, body);
    }
    const { pathname, search } = new URL(input.url);
    // h3 1 goes on writing into a body that was cancelled; that throws in a socket's callback and ends the process.
    const stream = input.body?.pipeThrough(new TransformStream(), { preventCancel: true });
    const request = stream ? new Request(input, { body: stream, duplex: "half" } as RequestInit) : input;
    for (let at = 0, depth = 0; at !== -1 && depth <= MAX_MOUNT_SEGMENTS; at = pathname.indexOf("/", at + 1), depth++) {
      const response = await answer(request, pathname.slice(at) + search, context.clientAddress);
      if (response) return response;
    }
    return undefined;
  }

  const handler = Object.assign(handle, { __is_handler__: true }) as unknown as Mountable;
  if (!("H3" in h3)) return handler;
  const app = new h3.H3();
  // Routes, one for each of ours: middleware would cost every request below the mount a new URL, and what is not ours
  // stays the host's to route.
  for (const pattern of analytics.paths) {
    app.all(pattern, ({ req, url, context }) => {
      const base = (context.matchedRoute?.route?.length ?? pattern.length) - pattern.length;
      return analytics.fetch(req, { path: url.pathname.slice(base) + url.search });
    });
  }
  // Where both versions of h3 are installed, either may be the one that mounts this.
  const either = (event: Parameters<typeof app.handler>[0] | EventOfH3v1) => "url" in event ? app.handler(event) : handle(event);
  return Object.assign(handler, app, { handler: either });
}

/** `node.req.url`, as `path` is decoded. Below a router's `/api/**` it is whole, with what `**` stood for in `params._`. */
function pathOf({ path, context, node }: EventOfH3v1): string {
  const url = node.req.url ?? path;
  const pathname = path.split("?", 1)[0]!;
  const rest = `/${context.params?._ ?? ""}`;
  const base = context.params && pathname.endsWith(rest) ? pathname.slice(0, -rest.length) : "";
  return url.startsWith(`${base}/`) ? url.slice(base.length) : url;
}
