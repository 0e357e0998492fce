import type { RequestListener } from "node:http";
import express from "express";
import { toNodeHandler } from "srvx/node";
import { wysleap } from "../../adapters/express.ts";
import type { Analytics, AnalyticsOptions } from "../../src/index.ts";
import type { HttpSubject } from "../../src/testing/case.ts";
import { serve } from "./hosts.ts";

/** A host with one defect, and a case of the contract that must notice it. */
export interface BrokenHost {
  defect: string;
  create(): Promise<HttpSubject>;
  caughtBy: string;
}

type Fetch = Analytics["fetch"];

/** A bare host whose `fetch` is changed. */
function changed(change: (fetch: Fetch) => Fetch, options: Partial<AnalyticsOptions> = {}) {
  return () => serve((analytics) => toNodeHandler(change(analytics.fetch)) as RequestListener, "", options);
}

/** Every answer with some headers changed. */
const answering = (change: (headers: Headers, answer: Response) => void): ((fetch: Fetch) => Fetch) => (fetch) => async (request, context) => {
  const answer = await fetch(request, context);
  const headers = new Headers(answer.headers);
  change(headers, answer);
  return new Response(answer.body, { status: answer.status, headers });
};

export const brokenHosts: BrokenHost[] = [
  {
    defect: "ignores what the body parser before it has parsed",
    create: () =>
      serve((analytics) => express().use(express.json()).use("/api", wysleap({ fetch: (request, context) => analytics.fetch(request, { ...context, body: undefined }) }))),
    caughtBy: "the reference's pageview is answered as in the reference",
  },
  {
    defect: "answers 404 for the host's own routes behind it",
    create: () => serve((analytics) => express().use("/api", toNodeHandler((request) => analytics.fetch(request, { path: request.url.replace(/^.*?\/api/, "") })) as never)),
    caughtBy: "the host's own routes below the same prefix go on working",
  },
  {
    defect: "lets every page read the answer",
    create: changed(answering((headers) => headers.set("access-control-allow-origin", "*"))),
    caughtBy: "a page of a foreign origin is refused, however like ours it looks",
  },
  {
    defect: "loses the rate-limit headers",
    create: changed(answering((headers) => ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].forEach((name) => headers.delete(name)))),
    caughtBy: "every answer for a recognised key tells its rate limit",
  },
  {
    defect: "counts no requests",
    create: changed((fetch) => fetch, { rateLimit: { limiter: { consume: (_key: string, limit: number) => ({ allowed: true, remaining: limit, resetAt: Date.now() + 60_000 }) } } }),
    caughtBy: "the 101st request in a minute on the free plan is a 429, and the site's other key is not touched",
  },
  {
    defect: "answers 500 where the body is wrong",
    create: changed((fetch) => async (request, context) => {
      const answer = await fetch(request, context);
      return answer.status === 400 ? new Response('{"error":"Internal server error","code":"SERVER_ERROR"}', { status: 500 }) : answer;
    }),
    caughtBy: "what is not a JSON object is a 400 that says so, and the connection stays usable",
  },
  {
    defect: "counts bots",
    create: changed((fetch) => fetch, { bots: "count" }),
    caughtBy: "a bot's hit is answered 200, with the reason, and is not counted",
  },
  {
    defect: "takes one site's key for another",
    create: changed((fetch) => async (request, context) => {
      const answer = await fetch(request, context);
      return answer.status === 401 ? Response.json({ success: true }) : answer;
    }),
    caughtBy: "a key of one site does not open another, and another site's visitor looks like an unknown one",
  },
  {
    defect: "forgets that HEAD has no GET's method",
    create: changed((fetch) => async (request, context) => (request.method === "HEAD" ? new Response(null, { status: 405 }) : fetch(request, context))),
    caughtBy: "HEAD is answered like GET, without the body",
  },
];
