import type { Site } from "wysleap";

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
export function throwOff(cause: unknown): never {
  const from = process.env["NITRO_WYSLEAP_SITES"] === undefined ? "" : " (the sites are those of NITRO_WYSLEAP_SITES)";
  throw new TypeError(`wysleap is off and its routes are missing: ${(cause as Error).message}${from}`, { cause });
}

/** Nitro turns what a config leaves undefined into empty texts, which no option is. */
export function withoutEmpty<T extends object>(options: T): T {
  return JSON.parse(JSON.stringify(options), (_, value) => (value === "" ? undefined : value));
}
