import type { Clock } from "../clock.ts";
import type { Reporter } from "../logger.ts";
import type { Site, WebhookEndpoint } from "../site.ts";
import { endpointId } from "./endpoint-id.ts";
import type { StartTimer } from "./timer.ts";

/** A look-up that has to be waited for is trusted so long: how late a rotated secret arrives at most. */
const FRESH_MS = 5_000;
const RETRY_MS = 5_000;
const DEADLINE_MS = 10_000;

export interface EndpointLookupOptions {
  siteId: string;
  endpoint: string;
  sites(siteId: string): Site | undefined | Promise<Site | undefined>;
  now: Clock;
  startTimer: StartTimer;
  reporter: Reporter;
  /** Called after "later", when it is worth asking again. */
  ready(): void;
}

/** Asks the owner for an endpoint's present configuration, one question at a time; a failing look-up is asked again. */
export function createEndpointLookup(options: EndpointLookupOptions): () => WebhookEndpoint | undefined | "later" {
  const { siteId, endpoint: id, sites, now, startTimer, reporter, ready } = options;
  let held: { endpoint: WebhookEndpoint | undefined; at: number } | undefined;
  let asking = false;

  const pick = (site: Site | undefined) => site?.webhooks?.find(({ url }) => endpointId(url) === id);

  function failed(cause: unknown): "later" {
    reporter.report("error", "webhook-site", `looking up site ${siteId} for its webhooks failed; asking again`, cause);
    asking = true;
    startTimer(() => {
      asking = false;
      ready();
    }, RETRY_MS);
    return "later";
  }

  function waitFor(answer: Promise<Site | undefined>): "later" {
    asking = true;
    let open = true;
    const close = () => {
      const wasOpen = open;
      open = false;
      return wasOpen;
    };
    const stopTimer = startTimer(() => {
      if (close()) failed(new Error(`no answer within ${DEADLINE_MS} ms`));
    }, DEADLINE_MS);
    answer.then(
      (site) => {
        if (!close()) return;
        stopTimer();
        asking = false;
        held = { endpoint: pick(site), at: now() };
        ready();
      },
      (error) => {
        if (!close()) return;
        stopTimer();
        failed(error);
      },
    );
    return "later";
  }

  return () => {
    if (asking) return "later";
    const age = held ? now() - held.at : FRESH_MS;
    if (held && age >= 0 && age < FRESH_MS) return held.endpoint;
    try {
      const answer = sites(siteId);
      // not `instanceof Promise`: query builders answer thenables of their own
      return answer && "then" in answer ? waitFor(Promise.resolve(answer)) : pick(answer);
    } catch (error) {
      return failed(error);
    }
  };
}
