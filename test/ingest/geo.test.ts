import { describe, expect, it } from "vitest";
import { countryName, createGeo, createGeoStep } from "../../src/ingest/geo.ts";
import type { Placed } from "../../src/ingest/stages.ts";
import { buildMmdb } from "./mmdb.ts";
import { facts, pageview, site } from "./setup.ts";

const ipv4 = createGeo({ mmdb: buildMmdb(4, [{ prefix: "203.0.113.0", bits: 24, record: { country_code: "DE" } }, { prefix: "0.0.0.0", bits: 1, record: { country_code: "FR" } }]) });
const ipv6 = createGeo({
  mmdb: buildMmdb(6, [
    { prefix: "203.0.113.0", bits: 24, record: { country: { iso_code: "AT" } } },
    { prefix: "2001:db8::", bits: 32, record: { country: "CH" } },
  ]),
});

describe("the country of an address", () => {
  it("comes from the database, whatever the shape of its records", () => {
    expect(ipv4.countryOf({ ip: "203.0.113.7" })).toBe("DE");
    expect(ipv6.countryOf({ ip: "203.0.113.7" })).toBe("AT");
    expect(ipv6.countryOf({ ip: "2001:db8::7" })).toBe("CH");
    expect(ipv6.countryOf({ ip: "2001:db9::7" })).toBeUndefined();
  });

  it("is found for an IPv4 address in IPv6 clothes", () => {
    expect(ipv4.countryOf({ ip: "::ffff:203.0.113.7" })).toBe("DE");
    expect(ipv6.countryOf({ ip: "::ffff:203.0.113.7" })).toBe("AT");
  });

  it("is unknown, not wrong, for an IPv6 address and a database of IPv4", () => {
    expect(ipv4.countryOf({ ip: "2001:db8::7" })).toBeUndefined();
  });

  it("is unknown for what is no address", () => {
    expect(ipv6.countryOf({ ip: "localhost" })).toBeUndefined();
  });

  it("a database that is none is an error at start", () => {
    expect(() => createGeo({ mmdb: new Uint8Array(100) })).toThrow();
  });

  it("a damaged database is told and does not fail a hit", () => {
    const reports: string[] = [];
    const broken = buildMmdb(4, [{ prefix: "203.0.113.0", bits: 24, record: { country_code: "DE" } }]);
    broken.fill(0x0f, 24 * 6 + 16, 24 * 6 + 16 + 17); // the record's 17 bytes, behind the tree of 24 nodes
    const geo = createGeo({ mmdb: broken, reporter: { report: (_level, kind) => void reports.push(kind) } });
    expect(geo.countryOf({ ip: "203.0.113.7", timeZone: "Europe/Paris" })).toBe("FR");
    expect(reports).toEqual(["geo-database"]);
  });
});

describe("the country without a database", () => {
  const geo = createGeo();
  it.each([["America/New_York", "US"], ["Europe/Berlin", "DE"], ["Asia/Kolkata", "IN"], ["Asia/Calcutta", "IN"], ["UTC", undefined], ["Mars/Olympus", undefined], ["__proto__", undefined], ["constructor", undefined]])(
    "of time zone %s is %s", (timeZone, country) => {
      expect([geo.countryOf({ timeZone }), geo.countryOf({ timeZone })]).toEqual([country, country]);
    });

  it.each([["de", "DE"], ["XX", undefined], ["T1", undefined], ["DEU", undefined], ["", undefined]])("of a CDN's %j is %s", (header, country) => {
    expect(geo.countryOf({ header })).toBe(country);
  });

  it("comes from the best source: header, address, time zone", () => {
    expect(ipv4.countryOf({ header: "GB", ip: "203.0.113.7", timeZone: "America/New_York" })).toBe("GB");
    expect(ipv4.countryOf({ header: "XX", ip: "203.0.113.7", timeZone: "America/New_York" })).toBe("DE");
    expect(ipv4.countryOf({ ip: "198.51.100.1", timeZone: "America/New_York" })).toBe("US");
  });
});

describe("the CDN's header", () => {
  const country = (header: string | undefined, ownRequest: boolean) =>
    createGeoStep(createGeo({ header }))({ ip: undefined, ownRequest } as Placed, {
      site, input: pageview({ timeZone: "Europe/Paris" }), facts: facts({ headers: { "cf-ipcountry": "DE" } }),
    }).country;

  it("counts only when the owner trusts it and the sender is the visitor", () => {
    expect(country("CF-IPCountry", true)).toBe("DE");
    expect(country(undefined, true)).toBe("FR");
    expect(country("cf-ipcountry", false)).toBe("FR");
  });
});

it("a country has its English name", () => {
  expect([countryName("US"), countryName("DE"), countryName("KR"), countryName("XX"), countryName(undefined)]).toEqual([
    "United States", "Germany", "South Korea", "Unknown", "Unknown",
  ]);
});
