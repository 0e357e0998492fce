import { HTTPResponse } from "nitro/h3";
import { useNitroApp, useRuntimeConfig, useStorage } from "nitro/runtime";
import { type Analytics, createAnalytics, type Site } from "wysleap";
import type { NitroRuntimeConfig } from "./nitro.ts";

/** As much of nitro 3's event (h3 2) as is used here; `url` is the whole URL. */
interface Event {
  req: Request;
  url: URL;
}

let analytics: Analytics | undefined;
let base = "";

// Not before every module is evaluated: this one is part of a circle with Nitro's runtime.
queueMicrotask(() => {
  const { base: mount, sites, ...options } = useRuntimeConfig().wysleap as NitroRuntimeConfig;
  base = mount;
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

/** nitro 3 hands environment variables on as text. Its content is not told: there are keys in it. */
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
