import { type Analytics, type AnalyticsOptions, createAnalytics, type Site } from "wysleap";
import type { NitroRuntimeConfig } from "./nitro.ts";

/** What both plugins do when the server starts. */
export function startAnalytics(config: NitroRuntimeConfig, storage: AnalyticsOptions["storage"]): Analytics {
  const { base: _, sites, ...options } = withoutEmpty(config);
  try {
    return createAnalytics({ ...options, sites: parseSites(sites), storage });
  } catch (error) {
    throwOff(error);
  }
}

/** Nitro hands an environment variable on as text, nitropack only one that is no JSON. Its content is not told: there are keys in it. */
export function parseSites(sites: Site[] | string): Site[] {
  if (typeof sites !== "string") return sites;
  try {
    return JSON.parse(sites);
  } catch {
    throw new TypeError('NITRO_WYSLEAP_SITES is not valid JSON; give a list of sites like [{"id":"shop","apiKey":"…"}]');
  }
}

/** The host goes on without us; Nitro writes what is thrown here to its log. */
function throwOff(cause: unknown): never {
  const from = process.env["NITRO_WYSLEAP_SITES"] === undefined ? "" : " (the sites are those of NITRO_WYSLEAP_SITES)";
  throw new TypeError(`wysleap is off and its routes are missing: ${(cause as Error).message}${from}`, { cause });
}

/** Nitro turns what a config leaves undefined into empty texts, which no option is. */
export function withoutEmpty<T extends object>(options: T): T {
  return JSON.parse(JSON.stringify(options), (_, value) => (value === "" ? undefined : value));
}
