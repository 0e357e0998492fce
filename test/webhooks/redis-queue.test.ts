import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createAnalytics } from "../../src/analytics.ts";
import { createReceiver } from "../../src/testing/receiver.ts";
import { transportCases } from "../../src/testing/transport-cases.ts";
import { createHttpsTransport } from "../../src/webhooks/https-transport.ts";
import { hasRedis, redisMissing, startRedis } from "../contract/redis.ts";
import { createRedisQueueTransport, startRedisQueueWorker } from "./redis-queue.ts";

const direct = createHttpsTransport({ allowPrivateNetwork: true });

if (!hasRedis && process.env.CI === "true") throw new Error(redisMissing);

describe.skipIf(!hasRedis)("a transport over a queue in Redis", () => {
  let redis: Redis;
  let queues = 0;
  beforeAll(async () => {
    const { port } = await startRedis();
    redis = new Redis({ port, host: "127.0.0.1" });
  });
  afterAll(() => redis?.disconnect());

  const create = async () => {
    const options = { redis, name: `queue${queues++}` };
    const stop = await startRedisQueueWorker(options, direct);
    return { transport: createRedisQueueTransport(options), close: stop };
  };

  test.each(transportCases.map(({ name, run }) => [name, run] as const))("%s", (_, run) => run(create));

  test("two workers deliver what a host raises, each webhook once; a worker that comes late finds what waits", async () => {
    const receiver = await createReceiver();
    const options = { redis, name: "host" };
    const analytics = createAnalytics({
      sites: [{ id: "shop", apiKey: "a-secret-key-of-the-shop-0000", webhooks: [{ url: receiver.url, secret: "a secret of at least 24 characters", events: ["event"] }] }],
      webhooks: { transport: createRedisQueueTransport(options), allowPrivateNetwork: true },
    });
    for (let count = 0; count < 20; count++) await analytics.trackEvent({ siteId: "shop", eventName: `event ${count}` });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(receiver.requests).toHaveLength(0);
    const stops = await Promise.all([startRedisQueueWorker(options, direct), startRedisQueueWorker(options, direct)]);
    await receiver.received(20);
    await vi.waitFor(async () => {
      const { deliveries } = await analytics.webhooks.deliveries("shop", { status: "delivered" });
      expect(deliveries).toHaveLength(20);
    });
    expect(new Set(receiver.requests.map(({ headers }) => headers["webhook-id"])).size).toBe(20);
    expect(receiver.requests).toHaveLength(20);
    await analytics.close();
    await Promise.all(stops.map((stop) => stop()));
    await receiver.close();
  });
});
