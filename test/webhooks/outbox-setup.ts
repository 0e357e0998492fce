import { createReporter } from "../../src/logger.ts";
import type { Site, WebhookEndpoint, WebhookEventName } from "../../src/site.ts";
import type { OutboxHooks } from "../../src/webhooks/outbox.ts";
import { type Owing, type Raised, withEvent } from "../../src/webhooks/owed.ts";
import type { Delivery } from "../../src/webhooks/payload.ts";
import { createPayload } from "../../src/webhooks/payload.ts";
import { createOutbox } from "../../src/webhooks/outbox.ts";
import type { WebhookRequest, WebhookResponse } from "../../src/webhooks/transport.ts";
import { createFakeTime, seeded } from "./fake-time.ts";

export const SECRET = "whsec_d3lzbGVhcC10ZXN0LXZlY3Rvci1zZWNyZXQtMzJieXQ=";
export const URL_A = "https://hooks.example/a";
export const endpoint = (url = URL_A, more: Partial<WebhookEndpoint> = {}): WebhookEndpoint => ({ url, secret: SECRET, ...more });
export const siteWith = (...webhooks: WebhookEndpoint[]): Site => ({ id: "shop", apiKey: "k", webhooks });

type Answer = number | WebhookResponse | Error | "hang";
export interface Sent {
  request: WebhookRequest;
  at: number;
  signal: AbortSignal;
}

interface SetUpOptions {
  site?: Site;
  answer?: (sent: Sent, index: number) => Answer | Promise<Answer>;
  sites?: () => Site | undefined | Promise<Site | undefined>;
  hooks?: OutboxHooks;
}

let made = 0;
/** Something that happened, with `data` as its facts: they are all that its payload tells here. */
export function raised(data: object, at: number, { name = "event", id = `msg_${String(made++).padStart(26, "0")}` }: { name?: WebhookEventName; id?: string } = {}): Raised {
  return { name, id, event: { id: `evt_${id}`, at, visitorId: "vis_1" }, facts: JSON.stringify(data) };
}
export const stored = (owing: Owing[]): Delivery[] => owing.map((one) => withEvent(one, JSON.stringify({ id: one.eventId })));
export const toPayload = ({ id, event, siteId, at }: Delivery, draft: string) =>
  createPayload({ event: event as WebhookEventName, siteId, at, data: JSON.parse(draft)[0], id });

/** An outbox on a fake clock whose receiver answers as `answer` says. */
export function setUp({ site = siteWith(endpoint()), answer = () => 200, sites, hooks }: SetUpOptions = {}) {
  const time = createFakeTime();
  const sent: Sent[] = [];
  const lines: string[] = [];
  const told: [string, unknown][] = [];
  const log = (message: string, details?: unknown) => lines.push(`${message} ${String(details ?? "")}`);
  const state = { site, answer };
  const outbox = createOutbox({
    sites: sites ?? (() => state.site),
    async transport(request, signal) {
      const one = { request, at: time.now(), signal };
      const result = await state.answer(one, sent.push(one) - 1);
      if (result === "hang") return new Promise(() => {});
      if (result instanceof Error) throw result;
      return typeof result === "number" ? { status: result } : result;
    },
    toPayload,
    now: time.now,
    random: seeded(7),
    startTimer: time.startTimer,
    reporter: createReporter({ debug: log, info: log, warn: log, error: log }, time.now),
    hooks: hooks ?? { webhookFailed: (info) => told.push(["failed", info]), webhookDisabled: (info) => told.push(["disabled", info]) },
  });
  const raise = (name: string, more: { id?: string } = {}) => {
    const deliveries = stored(outbox.owe(state.site, [raised({ name }, time.now(), more)]));
    outbox.enqueue(deliveries);
    return deliveries;
  };
  const names = () => sent.map(({ request }) => JSON.parse(request.body).data.name);
  return { outbox, time, sent, lines, told, state, raise, names };
}
export const header = ({ request }: Sent, name: string) => request.headers[name];
