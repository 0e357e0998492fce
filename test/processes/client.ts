import { Agent, type IncomingHttpHeaders, request } from "node:http";
import type { StoredEvent, VisitorDetail, VisitorsAnswer } from "../../src/index.ts";
import { API_KEY, type Worker } from "./worker.ts";

export interface Answer {
  /** 0: no answer; the connection broke. */
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  tookMs: number;
}

/** The counters that `/health` answers, as far as they are compared. */
export interface Health {
  accepted: number;
  dropped: Record<string, number>;
  stored: number;
  repeated: number;
  unflushed: number;
  retried: number;
  torn: number;
  http: { requests: number; accepted: number; inFlight: number; rejected: Record<string, number>; rejectedItems: Record<string, number>; dropped: Record<string, number> };
}

/** More than any answer may take: a hanging server is a failed request, not a hanging test. */
const DEADLINE_MS = 20_000;

export type Client = ReturnType<typeof createClient>;

/** Asks servers over kept-alive connections, as many as there are requests at once. */
export function createClient() {
  const agent = new Agent({ keepAlive: true });

  function ask(origin: string, path: string, body?: object, more: Record<string, string> = {}): Promise<Answer> {
    const began = performance.now();
    return new Promise((resolve) => {
      const end = (answer: Omit<Answer, "tookMs">) => resolve({ ...answer, tookMs: performance.now() - began });
      const lost = () => end({ status: 0, headers: {}, text: "" });
      const headers = { "x-api-key": API_KEY, ...(body && { "content-type": "application/json" }), ...more };
      const asked = request(origin + path, { agent, method: body ? "POST" : "GET", headers, timeout: DEADLINE_MS }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("end", () => end({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() }));
        answer.on("error", lost);
      });
      asked.on("timeout", () => asked.destroy(new Error("no answer")));
      asked.on("error", lost);
      asked.end(body && JSON.stringify(body));
    });
  }

  async function getJson<T>(worker: Worker, path: string): Promise<T> {
    const answer = await ask(worker.origin, path);
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.text}${worker.output()}`);
    return JSON.parse(answer.text) as T;
  }

  return {
    ask,
    getReport: (worker: Worker) => getJson<VisitorsAnswer>(worker, "/api/visitors/shop?days=3&limit=1"),
    getHealth: (worker: Worker) => getJson<Health>(worker, "/api/health"),
    getVisitor: (worker: Worker, id: string) => getJson<VisitorDetail>(worker, `/api/visitors/shop/${id}`),
    async getExport(worker: Worker): Promise<StoredEvent[]> {
      const { status, text } = await ask(worker.origin, "/api/events/shop");
      if (status !== 200) throw new Error(`the export answered ${status}: ${text}`);
      return text.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line) as StoredEvent);
    },
    /** Lets go of every connection. */
    close: () => agent.destroy(),
  };
}

export const pause = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));

/** Asks again until it holds or the time is over; the last answer either way. */
export async function until<T>(ask: () => Promise<T>, holds: (answer: T) => boolean, ms: number): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (holds(answer) || performance.now() > end) return answer;
    await pause(50);
  }
}

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
