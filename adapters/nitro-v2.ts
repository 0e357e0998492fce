import type { IncomingMessage, ServerResponse } from "node:http";
import { useNitroApp, useRuntimeConfig, useStorage } from "nitropack/runtime";
import { NodeRequest } from "srvx/node";
import type { Analytics } from "wysleap";
import type { NitroRuntimeConfig } from "./nitro.ts";
import { startAnalytics } from "./nitro-start.ts";

/** As much of nitropack 2's event (h3 1) as is used here. */
interface Event {
  context: { clientAddress?: string };
  node: { req: IncomingMessage & { body?: unknown }; res: ServerResponse };
}

let analytics: Analytics | undefined;

// Not before every module is evaluated: this one is part of a circle with Nitro's runtime.
queueMicrotask(() => {
  analytics = startAnalytics(useRuntimeConfig().wysleap as NitroRuntimeConfig, useStorage("wysleap"));
  useNitroApp().hooks.hook("close", () => analytics?.close());
});

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
