import { describe, expect, test } from "vitest";
import { createCall } from "../../src/http/call.ts";
import { createClientIp, networkOf } from "../../src/http/client-ip.ts";

const PROXY = "10.0.0.1";

function ipOf(trustProxy: number | string[] | undefined, forwarded: string | undefined, socket = PROXY, hostSays?: string) {
  const headers: HeadersInit = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
  const request = Object.assign(new Request("http://x/", { headers }), { ip: socket });
  return createClientIp(trustProxy)(createCall(request, hostSays === undefined ? undefined : { ip: hostSays }, 0));
}

test("without trusted proxies the header is anybody's word", () => {
  expect(ipOf(undefined, "1.2.3.4")).toBe(PROXY);
  expect(ipOf(0, "1.2.3.4")).toBe(PROXY);
});

test("what the host says wins", () => {
  expect(ipOf(1, "1.2.3.4", PROXY, "9.9.9.9")).toBe("9.9.9.9");
  expect(ipOf(1, "1.2.3.4", PROXY, "::ffff:9.9.9.9")).toBe("9.9.9.9");
});

test.each([
  ["1.2.3.4", "1.2.3.4"],
  ["1.2.3.4:5678", "1.2.3.4"],
  ["  1.2.3.4 ", "1.2.3.4"],
  ['"1.2.3.4"', "1.2.3.4"],
  ["6.6.6.6, 1.2.3.4", "1.2.3.4"],
  ["2001:db8::1", "2001:db8::1"],
  ["[2001:db8::1]", "2001:db8::1"],
  ["[2001:db8::1]:443", "2001:db8::1"],
  ["fe80::1%eth0", "fe80::1"],
  ["::ffff:1.2.3.4", "1.2.3.4"],
  ["::FFFF:1.2.3.4", "1.2.3.4"],
  ["unknown", PROXY],
  ["_hidden", PROXY],
  ["", PROXY],
  ["1.2.3.4,", PROXY],
  ["1.2.3", PROXY],
  ["1.2.3.4.5", PROXY],
  ["999.1.1.1", PROXY],
  ["[2001:db8::1", PROXY],
  ["[2001:db8::1]x", PROXY],
  ["1.2.3.4, <script>", PROXY],
])("behind one proxy, X-Forwarded-For %j is %s", (forwarded, expected) => {
  expect(ipOf(1, forwarded)).toBe(expected);
});

test("several header lines are one list", () => {
  const headers = new Headers();
  headers.append("x-forwarded-for", "6.6.6.6");
  headers.append("x-forwarded-for", "1.2.3.4");
  const request = Object.assign(new Request("http://x/", { headers }), { ip: PROXY });
  expect(createClientIp(1)(createCall(request, undefined, 0))).toBe("1.2.3.4");
});

test("two proxies are walked past, and not more than there are", () => {
  expect(ipOf(2, "6.6.6.6, 1.2.3.4, 10.0.0.2")).toBe("1.2.3.4");
  expect(ipOf(5, "1.2.3.4, 10.0.0.2")).toBe("1.2.3.4");
});

describe("with the proxies' ranges", () => {
  const RANGES = ["10.0.0.0/8", "fd00::/8"];
  test.each([
    ["6.6.6.6, 1.2.3.4, 10.0.0.2", PROXY, "1.2.3.4"],
    ["6.6.6.6, 1.2.3.4, fd00::2", "::ffff:10.0.0.1", "1.2.3.4"],
    ["1.2.3.4", "8.8.8.8", "8.8.8.8"],
    ["10.0.0.3, 10.0.0.2", PROXY, "10.0.0.3"],
    ["1.2.3.4, nonsense, 10.0.0.2", PROXY, PROXY],
  ])("%s from %s is %s", (forwarded, socket, expected) => {
    expect(ipOf(RANGES, forwarded, socket)).toBe(expected);
  });
});

test("a network is an IPv4 address or the /56 of an IPv6 one", () => {
  expect(networkOf("1.2.3.4")).toBe("1.2.3.4");
  const same = ["2001:db8:1:ab00::1", "2001:0DB8:1:abff:1:2:3:4", "2001:db8:1:ab12::"].map(networkOf);
  expect(new Set(same).size).toBe(1);
  expect(networkOf("2001:db8:1:ac00::1")).not.toBe(same[0]);
  expect(networkOf("::1")).toBe("0000:0000:0000:0000::/56");
  expect(networkOf("64:ff9b::1.2.3.4")).toBe("0064:ff9b:0000:0000::/56");
  expect(networkOf("1:2:3:4:5:6:1.2.3.4")).toBe("0001:0002:0003:0000::/56");
});
