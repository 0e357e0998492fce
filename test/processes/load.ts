import { type Answer, type Client, pause } from "./client.ts";

/** A hit with its client's own id. */
export type Hit = Record<string, unknown> & { eventId: string; siteId: string };

export interface LoadOptions {
  client: Client;
  /** Where to send now; asked for each try, since servers come and go. */
  origin(): string | undefined;
  createHit(n: number): Hit;
  /** @default 16 */
  senders?: number;
  /** Pause of a sender after each hit, milliseconds. @default 0 */
  gapMs?: number;
  /** Pause before the same hit is tried again. @default 20 */
  retryMs?: number;
  onAnswer?(answer: Answer): void;
}

export interface Load {
  /** Ids of every hit that was tried. */
  sent: Set<string>;
  acknowledged: Set<string>;
  /** Answers by status; 0 is a broken connection. */
  answers: Map<number, number>;
  /** Hits that are neither acknowledged nor refused yet. */
  pending(): number;
  /** Begins no more hits; resolves when each one begun is acknowledged. */
  finish(): Promise<void>;
  /** Gives up also those begun. */
  abandon(): Promise<void>;
}

/** Senders that hold on to a hit until it is acknowledged, as a client with a queue does. */
export function startLoad(options: LoadOptions): Load {
  const { client, gapMs = 0, retryMs = 20 } = options;
  const sent = new Set<string>();
  const acknowledged = new Set<string>();
  const answers = new Map<number, number>();
  const path = (hit: Hit) => (hit["pageUrl"] ? "/api/telemetry/pageview" : "/api/telemetry/event");
  const state = { phase: "running" as "running" | "finishing" | "abandoned" };
  let made = 0;

  async function deliver(hit: Hit): Promise<void> {
    for (let tries = 0; state.phase !== "abandoned"; tries++) {
      const origin = options.origin();
      if (origin) {
        sent.add(hit.eventId);
        const answer = await client.ask(origin, path(hit), tries > 0 ? { ...hit, retry: true } : hit);
        answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1);
        options.onAnswer?.(answer);
        if (answer.status === 200) return void acknowledged.add(hit.eventId);
      }
      await pause(retryMs);
    }
  }

  async function sender(): Promise<void> {
    while (state.phase === "running") {
      await deliver(options.createHit(made++));
      if (gapMs > 0) await pause(gapMs);
    }
  }

  const senders = Promise.all(Array.from({ length: options.senders ?? 16 }, sender));
  return {
    sent,
    acknowledged,
    answers,
    pending: () => sent.size - acknowledged.size,
    async finish() {
      state.phase = "finishing";
      await senders;
    },
    async abandon() {
      state.phase = "abandoned";
      await senders;
    },
  };
}
