import type { Clock } from "../clock.ts";
import type { Site, WebhookEndpoint } from "../site.ts";
import { describeOutcome } from "./attempts.ts";
import { toRequest } from "./attempt-request.ts";
import { toLoggableUrl } from "./endpoint-id.ts";
import { createPayload } from "./payload.ts";
import { isSuccess } from "./schedule.ts";
import { sendAttempt } from "./send-attempt.ts";
import type { StartTimer } from "./timer.ts";
import type { WebhookTransport } from "./transport.ts";

/** What an endpoint answered to a test. */
export interface TestResult {
  /** Its URL without user info and query. */
  endpoint: string;
  id: string;
  ok: boolean;
  lastCode?: number;
  lastError?: string;
  durationMs: number;
}

/** Endpoints that one test asks. */
const MAX_TESTED = 10;

export interface TestParts {
  transport: WebhookTransport;
  startTimer: StartTimer;
  now: Clock;
  nextId(): string;
}

/** Sends every endpoint of a site, or the one with this URL, a signed sample, once; not kept, not tried again. */
export function testEndpoints(site: Site, url: string | undefined, parts: TestParts): Promise<TestResult[]> {
  const tested = (site.webhooks ?? []).filter((endpoint) => url === undefined || endpoint.url === url).slice(0, MAX_TESTED);
  return Promise.all(tested.map((endpoint) => testOne(site, endpoint, parts)));
}

async function testOne(site: Site, endpoint: WebhookEndpoint, { transport, startTimer, now, nextId }: TestParts): Promise<TestResult> {
  const id = nextId();
  const at = now();
  const data = { eventName: "Webhook Test", eventData: { test: true }, visitorId: "vis_webhook_test", sessionId: "sess_webhook_test" };
  const unsigned = createPayload({ event: "event", siteId: site.id, at, data, id });
  const begun = performance.now();
  const outcome = (await sendAttempt(transport, () => toRequest({ id, event: "event", unsigned }, endpoint, 1, at), startTimer).outcome) ?? { result: "unanswered", reason: "stopped" };
  return {
    endpoint: toLoggableUrl(endpoint.url),
    id,
    ok: isSuccess(outcome),
    ...(outcome.result === "answered" ? { lastCode: outcome.status } : { lastError: describeOutcome(outcome) }),
    durationMs: Math.round(performance.now() - begun),
  };
}
