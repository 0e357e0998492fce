import { type RequestListener, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { FastResponse } from "srvx";

/** A real server on loopback; `url` has no trailing slash. */
export async function listen(listener: RequestListener): Promise<{ url: string; port: number; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    }),
  };
}

/** What `analytics.fetch` was asked, as the stand-in answers it. */
export interface Seen {
  method: string;
  path: string | undefined;
  ip: string | undefined;
  /** How the body came: parsed by the host, or as the text of the stream. */
  parsed?: unknown;
  text?: string;
}

interface Context {
  ip?: string;
  body?: unknown;
  path?: string;
}

/** Stands in for an analytics object: `/telemetry/…` and `/visitors/…` are its routes, and it answers what it saw. */
export function createEcho(onFetch?: (request: Request, context: Context) => Promise<Response> | undefined) {
  const calls: { path: string; context: Context }[] = [];
  async function fetch(request: Request, context: Context = {}): Promise<Response> {
    const path = context.path ?? new URL(request.url).pathname;
    calls.push({ path, context });
    if (!/^\/(telemetry|visitors)\//.test(path)) return new Response("{}", { status: 404, headers: { "X-WysLeap-Route": "none" } });
    const own = onFetch?.(request, context);
    if (own) return own;
    const seen: Seen = { method: request.method, path: context.path, ip: context.ip ?? (request as { ip?: string }).ip };
    if (Buffer.isBuffer(context.body)) seen.parsed = { buffer: context.body.toString() };
    else if (context.body !== undefined) seen.parsed = context.body;
    else if (request.method !== "GET" && request.method !== "HEAD") seen.text = await request.text();
    return new FastResponse(JSON.stringify(seen), { headers: { "content-type": "application/json", "x-echo": "yes" } });
  }
  return { calls, analytics: { fetch, paths: ["/telemetry/**", "/visitors/**"] } as never };
}

/** Sends `parts` one after another without ending, then resets the connection. */
export async function abortUpload(url: string, parts: string[]): Promise<void> {
  await new Promise<void>((resolve) => {
    const upload = request(url, { method: "POST", headers: { "content-type": "application/json", "content-length": "100000" } });
    upload.on("error", () => resolve());
    upload.flushHeaders();
    for (const part of parts) upload.write(part);
    setTimeout(() => upload.destroy(), 20);
    upload.on("close", () => resolve());
  });
}

/** Collects what nobody caught while `run` runs: such a thing would end the host's process. */
export async function strays(run: () => Promise<void>): Promise<unknown[]> {
  const found: unknown[] = [];
  const collect = (error: unknown) => void found.push(error);
  process.on("uncaughtException", collect).on("unhandledRejection", collect);
  try {
    await run();
    await new Promise((resolve) => setTimeout(resolve, 50));
  } finally {
    process.off("uncaughtException", collect).off("unhandledRejection", collect);
  }
  return found;
}
