import type { IncomingMessage, ServerResponse } from "node:http";
import { useNitroApp, useRuntimeConfig, useStorage } from "nitropack/runtime";
import { NodeRequest } from "srvx/node";
import { type Analytics, createAnalytics, type Site } from "wysleap";
import type { NitroRuntimeConfig } from "./nitro.ts";

/** As much of nitropack 2's event (h3 1) as is used here. */
interface Event {
  context: { clientAddress?: string };
  node: { req: IncomingMessage & { body?: unknown }; res: ServerResponse };
}

let analytics: Analytics | undefined;

// Not before every module is evaluated: this one is part of a circle with Nitro's runtime.
queueMicrotask(() => {
  const { base: _, sites, ...options } = useRuntimeConfig().wysleap as NitroRuntimeConfig;
  try {
    analytics = createAnalytics({
      ...options,
      sites: typeof sites === "string" ? parseSites(sites) : sites,
      storage: useStorage("wysleap"),
    });
  } catch (error) {
    off(error);
  }
  useNitroApp().hooks.hook("close", () => analytics?.close());
});

/** Nitro hands an environment variable that is no JSON on as text. Its content is not told: there are keys in it. */
function parseSites(text: string): Site[] {
  try {
    return JSON.parse(text);
  } catch {
    throw new TypeError('NITRO_WYSLEAP_SITES is not valid JSON; give a list of sites like [{"id":"shop","apiKey":"…"}]');
  }
}

/** The host goes on without us; Nitro writes what is thrown here to its log. */
function off(cause: unknown): never {
  const from = process.env["NITRO_WYSLEAP_SITES"] === undefined ? "" : " (the sites are those of NITRO_WYSLEAP_SITES)";
  throw new TypeError(`wysleap is off and its routes are missing: ${(cause as Error).message}${from}`, { cause });
}

async function handleEvent({ node: { req, res }, context }: Event): Promise<Response | undefined> {
  const response = await analytics?.fetch(new NodeRequest({ req, res }), {
    // relative to the mount, and not decoded as the event's `path` is
    path: req.url,
    ip: context.clientAddress,
    // A call within the process (`$fetch("/api/…")`) has no stream: it brings the body as a value.
    body: req.readableEnded ? (req.body ?? undefined) : undefined,
  });
  return response?.status === 404 && response.headers.get("x-wysleap-route") === "none" ? undefined : response;
}

export default Object.assign(handleEvent, { __is_handler__: true });
