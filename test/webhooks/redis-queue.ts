import type { Redis } from "ioredis";
import type { WebhookRequest, WebhookResponse, WebhookTransport } from "../../src/webhooks/transport.ts";

/**
 * An example of a `WebhookTransport` over a queue: the process that tracks puts signed bytes into a Redis stream, and
 * workers (any number, on other machines, with their own way out) deliver them and answer. The core keeps schedule,
 * order and retries; a job whose worker dies is one more failed attempt, which the core makes again.
 */
export interface RedisQueueOptions {
  /** Connected to Redis; commands that block get a connection of their own. */
  redis: Redis;
  /** @default "webhooks" */
  name?: string;
  /** Jobs kept at most; the oldest go first. @default 10000 */
  maxJobs?: number;
}

const GROUP = "workers";
const ANSWER_SECONDS = 15;

interface Answer {
  response?: WebhookResponse;
  /** What the worker's own transport failed with. */
  code?: string;
}

/** The side of the process that tracks: pass it as `webhooks.transport`. */
export function createRedisQueueTransport({ redis, name = "webhooks", maxJobs = 10_000 }: RedisQueueOptions): WebhookTransport {
  return async (delivery, signal) => {
    signal.throwIfAborted();
    const answerKey = `${name}:answer:${crypto.randomUUID()}`;
    const blocking = redis.duplicate();
    const stop = () => blocking.disconnect();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await redis.xadd(name, "MAXLEN", "~", maxJobs, "*", "job", JSON.stringify({ delivery, answerKey }));
      const answered = await blocking.blpop(answerKey, ANSWER_SECONDS);
      if (!answered) throw Object.assign(new Error("no worker answered in time"), { code: "timeout" });
      const { response, code } = JSON.parse(answered[1]) as Answer;
      if (!response) throw Object.assign(new Error("the worker got no answer"), { code });
      return response;
    } finally {
      signal.removeEventListener("abort", stop);
      blocking.disconnect();
    }
  };
}

/** A worker: delivers jobs with `transport`, `atOnce` at a time. The returned function stops it after its current jobs. */
export async function startRedisQueueWorker(
  { redis, name = "webhooks" }: RedisQueueOptions,
  transport: WebhookTransport,
  atOnce = 16,
): Promise<() => Promise<void>> {
  await redis.xgroup("CREATE", name, GROUP, "0", "MKSTREAM").catch((error: Error) => {
    if (!error.message.startsWith("BUSYGROUP")) throw error;
  });
  const blocking = redis.duplicate();
  const consumer = crypto.randomUUID();
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();

  async function work(id: string, { delivery, answerKey }: { delivery: WebhookRequest; answerKey: string }) {
    const answer = await transport(delivery, AbortSignal.timeout(ANSWER_SECONDS * 1_000)).then(
      (response): Answer => ({ response }),
      (error: { code?: string }): Answer => ({ code: error.code ?? "error" }),
    );
    // the list is gone soon when nobody waits for it any more
    await redis.multi().rpush(answerKey, JSON.stringify(answer)).expire(answerKey, ANSWER_SECONDS).xack(name, GROUP, id).xdel(name, id).exec();
  }

  const loop = (async () => {
    while (!stopping.signal.aborted) {
      if (running.size >= atOnce) {
        await Promise.race(running);
        continue;
      }
      const read = (await blocking.xreadgroup("GROUP", GROUP, consumer, "COUNT", atOnce - running.size, "BLOCK", 200, "STREAMS", name, ">")) as [string, [string, string[]][]][] | null;
      for (const [id, [, job = "{}"]] of read?.[0]?.[1] ?? []) {
        const one = work(id, JSON.parse(job)).finally(() => running.delete(one));
        running.add(one);
      }
    }
  })();
  return async () => {
    stopping.abort();
    await loop;
    await Promise.all(running);
    blocking.disconnect();
  };
}
