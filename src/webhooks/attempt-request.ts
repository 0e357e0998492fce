import type { WebhookEndpoint } from "../site.ts";
import { withSignature } from "./payload.ts";
import { signBody, signHeader } from "./signature.ts";
import type { WebhookRequest } from "./transport.ts";

const USER_AGENT = "WysLeap-Webhooks/0";

/** What attempt number `attempt` (1…10) at `now` sends: signed afresh, so that a rotated secret reaches retries too. */
export function toRequest(payload: { id: string; event: string; unsigned: string }, endpoint: WebhookEndpoint, attempt: number, now: number): WebhookRequest {
  const { id, event, unsigned } = payload;
  const current = Array.isArray(endpoint.secret) ? (endpoint.secret[0] ?? "") : endpoint.secret;
  const body = withSignature(unsigned, signBody(unsigned, current));
  const seconds = Math.floor(now / 1_000);
  return {
    id,
    url: endpoint.url,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "user-agent": USER_AGENT,
      "webhook-id": id,
      "webhook-timestamp": String(seconds),
      "webhook-signature": signHeader(id, seconds, body, endpoint.secret),
      "x-wysleap-event": event,
      "x-wysleap-attempt": String(attempt),
    },
    body,
  };
}
