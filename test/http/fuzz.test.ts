import { Agent, request as send } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Analytics } from "../../src/public-api.ts";
import { createAnalytics } from "../../src/analytics.ts";
import { STATUS_BY_CODE } from "../../src/errors.ts";
import { CONTRACT_SITES } from "../../src/testing/case.ts";
import type { FuzzRequest } from "../../src/testing/fuzz.ts";
import { createFuzzer } from "../../src/testing/fuzz.ts";
import { KEYS } from "../../src/testing/http-client.ts";
import type { TestServer } from "./stand-in.ts";
import { serveApp } from "./stand-in.ts";

const REQUESTS = 10_000;
const AT_ONCE = 8;
const HANG_MS = 2_000;
const SEED = 20_250_115;
/** Requests a minute: the limits are tested elsewhere. */
const UNLIMITED = 1_000_000;

interface Answer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  text: string;
}

/** node:http, because `fetch` would tidy paths and refuse some headers. */
function sendRaw(port: number, agent: Agent, { method, path, headers, body }: FuzzRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const latin: Record<string, string> = {};
    for (const [name, value] of Object.entries(headers)) latin[name] = Buffer.from(value).toString("latin1");
    const length = body ? { "content-length": body.length } : {};
    const sent = send({ port, host: "127.0.0.1", agent, method, path, headers: { ...latin, ...length } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString() });
      });
    });
    sent.setTimeout(HANG_MS, () => sent.destroy(new Error("no answer within 2 s")));
    sent.on("error", reject);
    sent.end(body);
  });
}

/** What is wrong with an answer, if anything. */
function complaint({ method }: FuzzRequest, { status, headers, text }: Answer): string | undefined {
  if (status >= 500) return "a fault of ours";
  if (status < 400) return undefined;
  if (!/^application\/json\b/.test(String(headers["content-type"]))) return "an error that is not JSON";
  if (headers["x-content-type-options"] !== "nosniff") return "an error without nosniff";
  if (method === "HEAD") return undefined;
  const body = JSON.parse(text) as { error?: unknown; code?: keyof typeof STATUS_BY_CODE };
  if (typeof body.error !== "string" || body.error === "") return "an error without words";
  if (body.code === undefined || STATUS_BY_CODE[body.code] !== status) return "a code that is not documented for its status";
  if (status === 405 && headers["allow"] === undefined) return "a 405 without Allow";
  return undefined;
}

describe(`${REQUESTS} mutated requests, seed ${SEED}`, () => {
  const lines: string[] = [];
  const write = (message: string) => void lines.push(message);
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => void unhandled.push(reason);
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let analytics: Analytics;
  let server: TestServer;

  beforeAll(async () => {
    process.on("unhandledRejection", onUnhandled);
    analytics = createAnalytics({
      sites: CONTRACT_SITES.map((site) => ({ ...site, plan: UNLIMITED })),
      rateLimit: { perNetwork: UNLIMITED },
      // the fuzzer's own address fails often; the valid requests come from another
      trustProxy: 1,
      logger: { debug() {}, info() {}, warn: write, error: write },
    });
    lines.length = 0;
    server = await serveApp(analytics);
  });
  afterAll(async () => {
    process.off("unhandledRejection", onUnhandled);
    agent.destroy();
    await server.close();
    await analytics.close();
  });

  test("get a documented answer each, in time, and a valid request between them works", async () => {
    const fuzzer = createFuzzer(SEED);
    const statuses: Record<number, number> = {};
    const complaints: string[] = [];
    const valid: FuzzRequest = {
      method: "POST",
      path: "/telemetry/event",
      headers: { "content-type": "application/json", "x-api-key": KEYS.secret, "x-forwarded-for": "192.0.2.1" },
      body: Buffer.from(JSON.stringify({ siteId: "demo", eventName: "Valid" })),
    };
    let left = REQUESTS;
    async function work(): Promise<void> {
      while (left-- > 0) {
        const request = fuzzer.next();
        const answer = await sendRaw(server.port, agent, request).catch((error: Error) => error);
        const wrong = answer instanceof Error ? answer.message : complaint(request, answer);
        if (wrong) complaints.push(`${wrong}: ${JSON.stringify({ ...request, body: request.body?.toString("latin1") })} ${JSON.stringify(answer)}`);
        if (!(answer instanceof Error)) statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
        if (left % 20 === 0) expect((await sendRaw(server.port, agent, valid)).status).toBe(200);
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(complaints.slice(0, 5)).toEqual([]);
    expect(lines).toEqual([]);
    expect(unhandled).toEqual([]);
    // a fuzzer that only ever reached the first check would prove nothing
    for (const status of [200, 204, 400, 401, 403, 404, 405, 415]) expect(statuses[status] ?? 0, `status ${status}`).toBeGreaterThan(20);
  }, 120_000);
});

test("the same seed gives the same requests", () => {
  const [one, two, other] = [createFuzzer(7, 1), createFuzzer(7, 1), createFuzzer(8, 1)];
  const take = (fuzzer: typeof one) => Array.from({ length: 50 }, () => ({ ...fuzzer.next() }));
  const first = JSON.stringify(take(one));
  expect(JSON.stringify(take(two))).toBe(first);
  expect(JSON.stringify(take(other))).not.toBe(first);
});
