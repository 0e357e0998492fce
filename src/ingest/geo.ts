import { isIPv4, isIPv6 } from "node:net";
import { getAllCountries, getCountryForTimezone } from "countries-and-timezones";
import { Reader } from "mmdb-lib";
import { unmapAddress } from "../identity/network.ts";
import type { Reporter } from "../logger.ts";
import { silentReporter } from "../logger.ts";
import type { Context, Located, Placed } from "./stages.ts";

export interface GeoSources {
  /** Value of the header that the host's CDN puts the country in. */
  header?: string;
  ip?: string;
  /** IANA time zone of the visitor. */
  timeZone?: string;
}

export interface Geo {
  /** Name of the request header to read, lower case; undefined when none is trusted. */
  headerName: string | undefined;
  /** ISO 3166-1 alpha-2, from the best source that knows: header, address, time zone. */
  countryOf(sources: GeoSources): string | undefined;
}

export interface GeoSettings {
  header?: string;
  mmdb?: Uint8Array;
  reporter?: Reporter;
}

const countries = getAllCountries() as Record<string, { name: string } | undefined>;
/** Names that readers expect where the list has the long form. */
const SHORT_NAMES: Record<string, string> = { US: "United States" };
const UNKNOWN = "Unknown";

/** The English name of a country, `Unknown` without one. */
export function countryName(code: string | undefined): string {
  if (code === undefined) return UNKNOWN;
  return SHORT_NAMES[code] ?? countries[code]?.name ?? UNKNOWN;
}

/** The code in upper case, if there is such a country (`XX` and `T1` of CDNs are not). */
function toCountry(code: unknown): string | undefined {
  if (typeof code !== "string" || code.length !== 2) return undefined;
  const upper = code.toUpperCase();
  return Object.hasOwn(countries, upper) ? upper : undefined;
}

const MAX_ZONES = 1_000; // there are about 600 names
const zones = new Map<string, string>();

function countryOfZone(timeZone: string): string | undefined {
  const known = zones.get(timeZone);
  if (known !== undefined) return known;
  const code = getCountryForTimezone(timeZone)?.id;
  if (code !== undefined && zones.size < MAX_ZONES) zones.set(timeZone, code);
  return code;
}

/** The shapes of the country databases in use. */
interface CountryRecord {
  country_code?: unknown;
  country?: string | { iso_code?: unknown };
}

/** Looks addresses up in an MMDB file; the addresses are not kept. */
function createAddressBook(bytes: Uint8Array): (ip: string) => string | undefined {
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const hasIPv6 = reader.metadata.ipVersion === 6;
  return (address) => {
    const ip = unmapAddress(address);
    // a database of IPv4 only answers an IPv6 address with a wrong country
    if (!isIPv4(ip) && !(hasIPv6 && isIPv6(ip))) return undefined;
    const record = reader.get(ip) as CountryRecord | null;
    const { country } = record ?? {};
    return toCountry(record?.country_code ?? (typeof country === "string" ? country : country?.iso_code));
  };
}

/**
 * Finds countries. Throws when the MMDB bytes are no database, so that a wrong file shows at start.
 *
 * @example
 * createGeo({ header: "cf-ipcountry" }).countryOf({ header: "de" }) // "DE"
 */
export function createGeo(settings: GeoSettings = {}): Geo {
  const { reporter = silentReporter } = settings;
  const lookUp = settings.mmdb && createAddressBook(settings.mmdb);

  function byAddress(ip: string): string | undefined {
    try {
      return lookUp?.(ip);
    } catch (cause) {
      reporter.report("warn", "geo-database", "the country database could not answer", cause);
      return undefined;
    }
  }

  return {
    headerName: settings.header?.toLowerCase(),
    countryOf({ header, ip, timeZone }) {
      return (
        toCountry(header) ??
        (ip !== undefined && lookUp ? byAddress(ip) : undefined) ??
        (timeZone === undefined ? undefined : countryOfZone(timeZone))
      );
    },
  };
}

/** The step. The CDN's header speaks of whoever sent the request: only when that is the visitor. */
export function createGeoStep(geo: Geo): (hit: Placed, context: Context) => Located {
  return (hit, { input, facts }) => {
    const located = hit as Located;
    const header = geo.headerName !== undefined && hit.ownRequest ? facts.header(geo.headerName) : undefined;
    located.country = geo.countryOf({ header, ip: hit.ip, timeZone: input.timeZone });
    return located;
  };
}
