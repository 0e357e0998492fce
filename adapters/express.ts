import type { IncomingMessage, ServerResponse } from "node:http";
import { NodeRequest, sendNodeResponse } from "srvx/node";
import type { Analytics } from "../src/index.ts";

/** A Node request as Express or Connect hands it on. */
export interface HostRequest extends IncomingMessage {
  /** Express: the client's address under the host's `trust proxy`. */
  ip?: string;
  /** What a body parser before us made of the body. */
  body?: unknown;
  /** body-parser 1: the body was really parsed. */
  _body?: boolean;
}

export type Middleware = (request: HostRequest, response: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Middleware for Express 4 and 5, Connect, and everything else that calls `(req, res, next)`.
 *
 * Body parsers may stand before or after it. What is not a route of ours goes on to `next()` with its body unread.
 * The client's address is `req.ip`, so `app.set("trust proxy", …)` is the one place to say which proxies you trust;
 * where there is no `req.ip` (Connect) it is the socket's, or what `createAnalytics({ trustProxy })` allows.
 *
 * @example
 * import express from "express";
 * import { createAnalytics } from "wysleap";
 * import { wysleap } from "wysleap/express";
 *
 * const analytics = createAnalytics({ sites: [{ id: "shop", apiKey: process.env.SHOP_KEY ?? "" }] });
 * const app = express();
 * app.use("/api", wysleap(analytics));
 */
export function wysleap(analytics: Pick<Analytics, "fetch">): Middleware {
  return function wysleapMiddleware(request, response, next) {
    answer(analytics, request, response).then((outcome) => {
      if (outcome === "not ours") next();
    }, next);
  };
}

async function answer(
  analytics: Pick<Analytics, "fetch">,
  request: HostRequest,
  response: ServerResponse,
): Promise<"answered" | "not ours" | "gone"> {
  const answered = await analytics.fetch(new NodeRequest({ req: request, res: response }), {
    ip: request.ip,
    path: request.url,
    body: parsedBody(request),
  });
  if (answered.status === 404 && answered.headers.get("x-wysleap-route") === "none") return "not ours";
  if (response.destroyed || response.headersSent) {
    // The client left, or the host answered in our stead (its own timeout): a second answer would only corrupt the first.
    if (answered.body && !answered.body.locked) answered.body.cancel().catch(() => {});
    return "gone";
  }
  try {
    await sendNodeResponse(response, answered);
  } catch (error) {
    if (response.destroyed) return "gone";
    throw error;
  }
  return "answered";
}

/** Express 4 gives `{}` to requests that no parser touched, so the body counts only when the stream was read to its end. */
function parsedBody(request: HostRequest): unknown {
  return request._body || request.readableEnded ? request.body : undefined;
}
