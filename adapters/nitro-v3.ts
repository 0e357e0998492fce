import { HTTPResponse } from "nitro/h3";
import { useNitroApp, useRuntimeConfig, useStorage } from "nitro/runtime";
import type { Analytics } from "wysleap";
import type { NitroRuntimeConfig } from "./nitro.ts";
import { startAnalytics } from "./nitro-start.ts";

/** As much of nitro 3's event (h3 2) as is used here; `url` is the whole URL. */
interface Event {
  req: Request;
  url: URL;
}

let analytics: Analytics | undefined;
let base = "";

// Not before every module is evaluated: this one is part of a circle with Nitro's runtime.
queueMicrotask(() => {
  const config = useRuntimeConfig().wysleap as NitroRuntimeConfig;
  base = config.base;
  analytics = startAnalytics(config, useStorage("wysleap"));
  useNitroApp().hooks.hook("close", () => analytics?.close());
});

// Before every route of the host, whatever its path: nitro 3.0 fails on middleware that is bound to one.
export default function handleEvent({ req, url }: Event, next: () => unknown): unknown {
  if (!analytics || !url.pathname.startsWith(`${base}/`)) return next();
  return analytics.fetch(req, { path: url.pathname.slice(base.length) + url.search }).then((response) => {
    if (response.status !== 404) return response;
    if (response.headers.get("x-wysleap-route") === "none") return next();
    // A `Response` of 404 from middleware would count as "not handled", and the host's routes would answer for us.
    return new HTTPResponse(response.body as BodyInit | null, response);
  });
}
