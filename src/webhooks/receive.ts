import { createHmac, timingSafeEqual } from "node:crypto";
import { WEBHOOK_EVENTS, type WebhookEventName } from "../site.ts";
import type { WebhookPayload } from "./notices.ts";
import { checkWebhookSecret } from "./secret.ts";
import { toHeaderKey } from "./signature.ts";

export interface WebhookHandlerOptions {
  /** The endpoint's secret; several while it is being rotated. */
  secret: string | string[];
  /** What to do with each event. Awaited: answer soon and work later. What it throws is answered 500, so that it comes again. */
  on: { [Name in WebhookEventName]?: (payload: WebhookPayload<Name>) => unknown };
  /** Seconds that an attempt's clock may differ from ours, from 0: the protection against a webhook sent again by somebody else. @default 300 */
  toleranceSeconds?: number;
  /** Remembers which webhooks were handled: a shared store, when several processes receive. @default the last 10,000, in memory */
  seen?: { has(id: string): boolean | Promise<boolean>; add(id: string): unknown };
  /** Told of what your functions throw. */
  onError?(error: unknown): void;
  /** Epoch milliseconds. @default Date.now */
  now?: () => number;
}

/** A node request, as far as it is read; `body` and `rawBody` when the host has parsed it. */
interface NodeRequest extends AsyncIterable<Uint8Array | string> {
  method?: string;
  headers: Record<string, string | string[] | undefined>;
  body?: unknown;
  rawBody?: unknown;
}
interface NodeResponse {
  statusCode: number;
  end(text?: string): unknown;
}
/** h3 2's event has a `Request`, h3 1's a node request. */
type H3Event = { req: Request } | { node: { req: NodeRequest } };

/** Takes an Express request and response, an event of h3 1 or 2, or a `Request`. */
export interface WebhookHandler {
  (request: NodeRequest, response: NodeResponse, next?: unknown): Promise<void>;
  (request: Request | H3Event): Promise<Response>;
}

const MAX_BODY = 128 * 1024;
const MAX_SEEN = 10_000;

/**
 * Receives webhooks: checks the signature over the raw body and the time of the attempt, calls your function once per
 * `webhook-id`, and answers 204; 401 to what is not ours, 500 when your function throws, so that it is sent again.
 * The same handler serves Express (also behind `express.json()`), h3 1 and 2, and anything that speaks `fetch`.
 * A mistake in the options throws a TypeError that names the option.
 *
 * @example
 * const handler = createWebhookHandler({
 *   secret: process.env.WEBHOOK_SECRET ?? "",
 *   on: { high_intent_visitor: ({ data }) => crm.alert(data.visitorId, data.intentScore.score) },
 * });
 * app.post("/hook", handler); // Express
 * app.post("/hook", (event) => handler(event)); // h3
 * export const POST = handler; // fetch
 */
export function createWebhookHandler(options: WebhookHandlerOptions): WebhookHandler {
  const { secret, on, toleranceSeconds = 300, seen = createSeen(), onError = () => {}, now = Date.now } = options ?? {};
  checkOptions({ secret, on, toleranceSeconds, seen, onError, now });
  const secrets = [secret].flat();
  const running = new Map<string, Promise<number>>();

  function isOurs(id: string, timestamp: string, signature: string, body: string): boolean {
    if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now() / 1_000 - Number(timestamp)) > toleranceSeconds) return false;
    const given = signature.split(" ").map((one) => Buffer.from(one));
    return secrets.some((secret) => {
      const expected = Buffer.from(`v1,${createHmac("sha256", toHeaderKey(secret)).update(`${id}.${timestamp}.${body}`).digest("base64")}`);
      return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
    });
  }

  function failed(error: unknown): number {
    onError(error);
    return 500;
  }

  async function handle(id: string, body: string): Promise<number> {
    if (await seen.has(id)) return 204;
    const payload = JSON.parse(body) as WebhookPayload;
    await on[payload.event]?.(payload as never);
    await seen.add(id);
    return 204;
  }

  async function answer(method: string | undefined, header: (name: string) => string, read: () => Promise<string | undefined>): Promise<number> {
    if (method !== "POST") return 405;
    const body = await read();
    if (body === undefined) return 413;
    const id = header("webhook-id");
    if (!id || !isOurs(id, header("webhook-timestamp"), header("webhook-signature"), body)) return 401;
    // the same one twice at the same time is one: both get its answer
    const handled = running.get(id) ?? handle(id, body).catch(failed);
    running.set(id, handled);
    return handled.finally(() => running.delete(id));
  }

  async function receive(input: Request | H3Event | NodeRequest, response?: NodeResponse): Promise<unknown> {
    const inner = "node" in input ? input.node.req : "req" in input && input.req instanceof Object ? (input.req as Request) : input;
    const request = inner as Request | NodeRequest;
    const { headers } = request;
    const isWeb = typeof (headers as Headers).get === "function";
    const header = (name: string) => String((isWeb ? (headers as Headers).get(name) : (headers as NodeRequest["headers"])[name]) ?? "");
    const status = await answer(request.method, header, () => (isWeb ? readWeb(request as Request) : readNode(request as NodeRequest))).catch(() => 400);
    if (!response) return new Response(null, { status });
    response.statusCode = status;
    response.end();
    return undefined;
  }

  return receive as WebhookHandler;
}

/** A tolerance that is no number would take everything for timely; a misspelt event would never be handled. */
function checkOptions({ secret, on, toleranceSeconds, seen, onError, now }: Required<WebhookHandlerOptions>): void {
  const need = (holds: unknown, rule: string) => {
    if (!holds) throw new TypeError(`createWebhookHandler: ${rule}`);
  };
  const callable = (path: string, value: unknown) => need(typeof value === "function", `${path} must be a function`);
  const { refused } = checkWebhookSecret(secret) as { refused?: string };
  need(!refused, `secret ${refused}`);
  need(on instanceof Object, "on is missing");
  for (const [name, value] of Object.entries(on)) {
    need(WEBHOOK_EVENTS.includes(name as WebhookEventName), `on.${name} is unknown; there are ${WEBHOOK_EVENTS.join(", ")}`);
    if (value !== undefined) callable(`on.${name}`, value);
  }
  callable("onError", onError);
  callable("now", now);
  callable("seen.has", seen?.has);
  callable("seen.add", seen?.add);
  need(Number.isFinite(toleranceSeconds) && toleranceSeconds >= 0, "toleranceSeconds must be a number of seconds from 0");
}

async function gather(chunks: AsyncIterable<Uint8Array | string>): Promise<string | undefined> {
  const read: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MAX_BODY) return undefined;
    read.push(Buffer.from(chunk as Uint8Array));
  }
  return Buffer.concat(read).toString();
}

function readWeb(request: Request): Promise<string | undefined> {
  return gather((request.body ?? []) as unknown as AsyncIterable<Uint8Array>);
}

/** What a host has read already comes back byte for byte: our JSON survives being parsed and written again. */
async function readNode(request: NodeRequest): Promise<string | undefined> {
  const held = request.rawBody ?? request.body;
  if (held === undefined || (request as { readableEnded?: boolean }).readableEnded === false) return gather(request);
  if (typeof held === "string") return held;
  return held instanceof Uint8Array ? Buffer.from(held).toString() : JSON.stringify(held);
}

function createSeen(): Required<WebhookHandlerOptions>["seen"] {
  const ids = new Set<string>();
  return {
    has: (id) => ids.has(id),
    add(id) {
      ids.add(id);
      if (ids.size > MAX_SEEN) ids.delete(ids.values().next().value!);
    },
  };
}
