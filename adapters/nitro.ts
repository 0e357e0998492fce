import { fileURLToPath } from "node:url";
import type { AnalyticsOptions, GeoOptions, RateLimitOptions, Site, WebhookOptions } from "../src/index.ts";

/** Functions, bytes and objects with a life: they cannot be written into a build. */
type NotData = "sites" | "geo" | "rateLimit" | "webhooks" | "storage" | "events" | "hooks" | "logger" | "now";

/** What stands under `wysleap` in the Nitro config: the options of `createAnalytics` that are plain data. */
export interface NitroModuleOptions extends Omit<AnalyticsOptions, NotData> {
  sites: Site[];
  /** Below which path the routes are. Your own routes there go on working. @default "/api/**" */
  route?: string;
  geo?: Pick<GeoOptions, "header">;
  rateLimit?: Pick<RateLimitOptions, "perNetwork">;
  webhooks?: Pick<WebhookOptions, "allowPrivateNetwork" | "allowInsecure">;
}

/** The options as the running server finds them, with the path of the mount. */
export type NitroRuntimeConfig = Omit<NitroModuleOptions, "route"> & { base: string };

/** As much of nitropack 2's and nitro 3's `Nitro` as is used here. */
export interface Nitro {
  options: {
    handlers: { route?: string; handler: string; middleware?: boolean }[];
    storage: Record<string, unknown>;
    runtimeConfig: Record<string, unknown>;
    externals?: { inline?: unknown[] };
  };
  /** Only nitro 3 has it. */
  routing?: unknown;
}

/**
 * Nitro module for nitropack 2 and nitro 3. State and events are kept in Nitro's storage `wysleap` (by default files in
 * `./.data/wysleap`); mount another driver under that name for more than one process.
 *
 * The config becomes part of the build: put `sha256:<hex>` there in place of an API key, or set `NITRO_WYSLEAP_SITES` to
 * the sites as JSON when you start the server. A mistake in the options is reported when the server starts; the
 * host's own routes go on working without these.
 *
 * @example
 * // nitro.config.ts
 * export default defineNitroConfig({
 *   modules: ["wysleap/nitro"],
 *   wysleap: { sites: [{ id: "shop", apiKey: "sha256:…" }] },
 * });
 */
export default {
  name: "wysleap",
  setup(nitro: Nitro): void {
    const { options } = nitro;
    const given = (options as { wysleap?: Partial<NitroModuleOptions> }).wysleap ?? {};
    const { route = "/api/**", sites = [], ...settings } = given;
    const base = `/${route.replace(/\/\*\*$/, "")}`.replace(/\/{2,}/g, "/").replace(/\/$/, "");
    options.runtimeConfig.wysleap = { sites, ...settings, ...(options.runtimeConfig.wysleap as object), base };
    options.storage.wysleap ??= { driver: "fs", base: "./.data/wysleap" };
    const isV3 = nitro.routing !== undefined;
    const handler = fileURLToPath(new URL(isV3 ? "./nitro-v3.mjs" : "./nitro-v2.mjs", import.meta.url));
    // As middleware, so that what is not ours goes on to the host's routes; its own middleware files still run first.
    options.handlers.push({ ...(isV3 ? {} : { route: base || "/" }), handler, middleware: true });
    const externals = (options.externals ??= {});
    externals.inline = [...(externals.inline ?? []), handler];
  },
};
