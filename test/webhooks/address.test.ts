import { describe, expect, test } from "vitest";
import { BLOCKED_NETWORKS, blockedAddress, checkEndpointUrl, isLoopback, toAllowed } from "../../src/webhooks/address.ts";
import { addressTable, LOCAL_NAMES, SPELLINGS_OF_LOOPBACK } from "./address-table.ts";

describe("addresses", () => {
  test.each(addressTable)("$ip is $verdict ($why)", ({ ip, verdict }) => {
    expect(blockedAddress(ip)).toBe(verdict === "blocked");
  });

  test("the table has more than 100 addresses and every blocked network is in it", () => {
    expect(addressTable.length).toBeGreaterThan(100);
    for (const network of BLOCKED_NETWORKS) expect(addressTable.some(({ why }) => why.includes(network)), network).toBe(true);
  });

  test("what is no address is blocked", () => {
    for (const text of ["", "localhost", "1.2.3", "1.2.3.4.5", "0x7f000001", "::g", "8.8.8.8/32"]) expect(blockedAddress(text), text).toBe(true);
  });

  test("a list of ranges opens exactly those", () => {
    const allowed = toAllowed(["10.1.0.0/16", "fd00:1::/32", "127.0.0.1"]);
    for (const ip of ["10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "fd00:1::1", "127.0.0.1", "8.8.8.8"]) expect(blockedAddress(ip, allowed), ip).toBe(false);
    for (const ip of ["10.0.255.255", "10.2.0.0", "fd00:2::1", "127.0.0.2", "169.254.169.254"]) expect(blockedAddress(ip, allowed), ip).toBe(true);
  });

  test("`true` opens all", () => {
    for (const { ip } of addressTable) expect(blockedAddress(ip, true)).toBe(false);
  });

  test.each(["10.0.0.0/33", "fd00::/129", "10.0.0/8", "example.com", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1", ""])("the range %j is refused", (range) => {
    expect(() => toAllowed([range])).toThrow(RangeError);
  });

  test("loopback is known in every spelling", () => {
    for (const ip of ["127.0.0.1", "127.255.255.255", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"]) expect(isLoopback(ip), ip).toBe(true);
    for (const ip of ["128.0.0.1", "::2", "localhost", "10.0.0.1"]) expect(isLoopback(ip), ip).toBe(false);
  });
});

describe("URLs", () => {
  const refused = (url: string, options = {}) => {
    const verdict = checkEndpointUrl(url, options);
    return "refused" in verdict ? verdict.refused : undefined;
  };

  test.each(["https://example.com/hook", "https://example.com:443/", "https://example.com:8443/x?y=1", "https://example.com:80/", "https://8.8.8.8/", "https://[2606:4700::1111]/", "https://xn--bcher-kva.example/"])(
    "%s will do",
    (url) => {
      expect(refused(url)).toBeUndefined();
    },
  );

  test.each([
    ["not a url", /not a URL/],
    ["", /not a URL/],
    [`https://example.com/${"x".repeat(2_048)}`, /2048/],
    ["ftp://example.com/", /https/],
    ["file:///etc/passwd", /https/],
    ["javascript:alert(1)", /https/],
    ["http://example.com/", /allowInsecure/],
    ["https://user@example.com/", /user name/],
    ["https://:pw@example.com/", /password/],
    ["https://example.com:22/", /port/],
    ["https://example.com:0/", /port/],
    ["https://example.com:1023/", /port/],
  ])("%s is refused", (url, reason) => {
    expect(refused(url)).toMatch(reason);
  });

  test.each(SPELLINGS_OF_LOOPBACK)("%s is refused as the loopback address that it is", (host) => {
    expect(refused(`https://${host}/`)).toMatch(/private or reserved/);
  });

  test.each(LOCAL_NAMES)("%s is refused as a local name", (host) => {
    expect(refused(`https://${host}/`)).toMatch(/local name/);
  });

  test("the owner can open private networks: then the address decides, not the name", () => {
    expect(refused("https://worker/", { allowPrivateNetwork: ["10.0.0.0/8"] })).toBeUndefined();
    expect(refused("https://10.1.2.3/", { allowPrivateNetwork: ["10.0.0.0/8"] })).toBeUndefined();
    expect(refused("https://192.168.0.1/", { allowPrivateNetwork: ["10.0.0.0/8"] })).toMatch(/private/);
    expect(refused("https://192.168.0.1/", { allowPrivateNetwork: true })).toBeUndefined();
  });

  test("http is for allowInsecure, or for loopback when private networks are open", () => {
    expect(refused("http://example.com/", { allowInsecure: true })).toBeUndefined();
    for (const host of ["127.0.0.1:3000", "[::1]:3000", "localhost:3000", "hook.localhost:3000"]) {
      expect(refused(`http://${host}/`, { allowPrivateNetwork: true }), host).toBeUndefined();
      expect(refused(`http://${host}/`, { allowInsecure: true }), host).toMatch(/private|local/);
    }
    expect(refused("http://10.0.0.1/", { allowPrivateNetwork: true })).toMatch(/allowInsecure/);
    expect(refused("http://127.0.0.1:3000/", { allowPrivateNetwork: ["127.0.0.1/32"] })).toBeUndefined();
    expect(refused("http://127.0.0.2:3000/", { allowPrivateNetwork: ["127.0.0.1/32"] })).toMatch(/private/);
  });
});
