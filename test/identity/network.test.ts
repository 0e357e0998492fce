import { expect, it } from "vitest";
import { networkOf, unmapAddress } from "../../src/identity/network.ts";

it.each([
  ["203.0.113.77", "203.0.113"],
  ["::ffff:203.0.113.77", "203.0.113"],
  ["::FFFF:203.0.113.77", "203.0.113"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1"],
  ["2001:0db8:0001::9", "2001:db8:1"],
  ["2001:db8::1", "2001:db8:0"],
  ["::1", "0:0:0"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0"],
  ["::1:2:3:4:5:192.0.2.1", "0:1:2"],
  ["fe80::1%eth0", "fe80:0:0"],
])("the network of %s is %s", (ip, network) => {
  expect(networkOf(ip)).toBe(network);
});

it.each(["", "localhost", "203.0.113", "1.2.3.4.5", "::g", "203.0.113.77, 10.0.0.1"])("%j is in no network", (text) => {
  expect(networkOf(text)).toBeUndefined();
});

it("a mapped IPv4 address is that IPv4 address", () => {
  expect(unmapAddress("::ffff:8.8.8.8")).toBe("8.8.8.8");
  expect(unmapAddress("::ffff:1")).toBe("::ffff:1");
});
