import { existsSync } from "node:fs";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import nitroModule, { type Nitro } from "../../adapters/nitro.ts";
import { CONTRACT_SITES } from "../../src/testing/case.ts";
import { type NitroServer, buildNitro, removeNitroBuilds, startNitro } from "../fixtures/nitro.ts";

afterAll(removeNitroBuilds);

const demo = CONTRACT_SITES[0]!;
const servers: NitroServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(version: 2 | 3, env?: Record<string, string>): Promise<NitroServer> {
  const server = await startNitro(await buildNitro(version), env);
  servers.push(server);
  return server;
}

const post = (url: string, body: object) =>
  fetch(url, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
const event = { siteId: demo.id, _apiKey: demo.apiKey, eventName: "signup" };

describe.each([2, 3] as const)("Nitro %i", (version) => {
  it("answers below /api and leaves the host's routes there alone, its catch-all too", async () => {
    const { url } = await start(version);
    expect((await post(`${url}/api/telemetry/event`, event)).status).toBe(200);
    expect(await (await fetch(`${url}/api/own`)).text()).toBe("own");
    expect(await (await post(`${url}/api/rest/of/it`, { a: 1 })).json()).toEqual({ rest: "/api/rest/of/it", body: { a: 1 } });
    expect((await fetch(`${url}/nowhere`)).status).toBe(404);
  });

  it("answers the host's own call within the process", async () => {
    const { url } = await start(version);
    const response = await post(`${url}/api/inner?path=/api/telemetry/event`, event);
    expect(await response.json()).toMatchObject({ success: true });
  });

  it("takes the sites from NITRO_WYSLEAP_SITES when the server starts", async () => {
    const { url } = await start(version, { NITRO_WYSLEAP_SITES: JSON.stringify([{ id: "later", apiKey: "key-from-the-environment" }]) });
    expect((await post(`${url}/api/telemetry/event`, event)).status).toBe(404);
    const later = await post(`${url}/api/telemetry/event`, { ...event, siteId: "later", _apiKey: "key-from-the-environment" });
    expect(later.status).toBe(200);
  });

  it("reports a mistake in the options at the start, and the host's routes go on working", async () => {
    const server = await start(version, { NITRO_WYSLEAP_SITES: JSON.stringify([{ id: "keyless" }]) });
    expect(server.output()).toMatch(/wysleap is off and its routes are missing: sites\[0\]\.apiKey is missing.*the sites are those of NITRO_WYSLEAP_SITES/);
    expect(await (await fetch(`${server.url}/api/own`)).text()).toBe("own");
    expect(await (await fetch(`${server.url}/api/health`)).json()).toMatchObject({ rest: "/api/health" });
  });

  it("names the environment variable that is no JSON, and not what stands in it", async () => {
    const server = await start(version, { NITRO_WYSLEAP_SITES: '[{"id":"shop","apiKey":"hunter2"' });
    expect(server.output()).toMatch(/wysleap is off and its routes are missing: NITRO_WYSLEAP_SITES is not valid JSON/);
    expect(server.output()).not.toContain("hunter2");
  });

  it("ends by itself when it is asked to", async () => {
    const server = await start(version);
    await (await post(`${server.url}/api/telemetry/event`, event)).text();
    expect(await server.close("SIGTERM")).toBe(0);
  });
});

describe("the module", () => {
  const setup = (options: Partial<Nitro["options"]> & { wysleap?: object }, routing?: object) => {
    const nitro: Nitro = { options: { handlers: [], storage: {}, runtimeConfig: {}, ...options }, routing };
    nitroModule.setup(nitro);
    return nitro.options;
  };

  it("mounts where `route` says, and hands the other options to the running server", () => {
    const options = setup({ wysleap: { route: "/insights/v1/**", bots: "count", sites: [demo] } });
    expect(options.handlers).toMatchObject([{ route: "/insights/v1", middleware: true }]);
    expect(options.runtimeConfig.wysleap).toEqual({ base: "/insights/v1", bots: "count", sites: [demo] });
    expect(setup({ wysleap: { route: "/**" } }).handlers).toMatchObject([{ route: "/" }]);
  });

  it("keeps what the host has set already", () => {
    const inline = ["its-own"];
    const options = setup({
      storage: { wysleap: { driver: "redis" } },
      runtimeConfig: { wysleap: { sites: [demo] }, other: 1 },
      externals: { inline },
    }, {});
    expect(options.storage).toEqual({ wysleap: { driver: "redis" } });
    expect(options.runtimeConfig).toEqual({ wysleap: { base: "/api", sites: [demo] }, other: 1 });
    expect(options.externals!.inline).toEqual(["its-own", options.handlers[0]!.handler]);
    expect(inline).toEqual(["its-own"]);
  });

  it("has a runtime file for each major version", () => {
    const files = [setup({}), setup({}, {})].map((options) => options.handlers[0]!.handler.replace(/\.mjs$/, ".ts"));
    expect(files.map((file) => existsSync(file))).toEqual([true, true]);
    expect(new Set(files).size).toBe(2);
  });
});
