import type { StoredEvent } from "../event.ts";
import type { Reporter } from "../logger.ts";
import { WEBHOOK_EVENTS, type WebhookEventName } from "../site.ts";
import type { WebhookPayload } from "../webhooks/notices.ts";
import type { VisitorKnowledge } from "./knowledge.ts";
import { toPayload } from "./notice.ts";
import type { Raise } from "./raise.ts";

export type Listener<Name extends WebhookEventName> = (payload: WebhookPayload<Name>) => void | Promise<void>;

/** The same payloads as webhooks, for code in this process: each after it is stored. */
export interface Listeners {
  on<Name extends WebhookEventName>(name: Name, listener: Listener<Name>): () => void;
  tell(event: StoredEvent, knowledge: VisitorKnowledge, raised: WebhookEventName[]): void;
}

export function createListeners(raise: Raise, reporter: Reporter): Listeners {
  const byName = new Map<WebhookEventName, Set<Listener<never>>>();
  const failed = (cause: unknown) => reporter.report("error", "listener", "a listener of analytics.on failed", cause);
  return {
    on(name, listener) {
      if (!WEBHOOK_EVENTS.includes(name)) throw new TypeError(`analytics.on: there is no event "${String(name)}"; there are ${WEBHOOK_EVENTS.join(", ")}`);
      if (typeof listener !== "function") throw new TypeError(`analytics.on: the listener of "${name}" must be a function`);
      const listeners = byName.get(name) ?? new Set();
      byName.set(name, listeners.add(listener as Listener<never>));
      return () => void listeners.delete(listener as Listener<never>);
    },
    tell(event, knowledge, raised) {
      for (const name of raised) {
        const listeners = byName.get(name);
        if (!listeners?.size) continue;
        const { id, facts } = raise(name, event, knowledge);
        const text = toPayload({ id, event: name }, `[${facts},${JSON.stringify(event)}]`);
        for (const listener of listeners) {
          try {
            // each its own copy: what one changes, another does not see
            const result: unknown = listener(JSON.parse(text) as never);
            if (result instanceof Promise) result.catch(failed);
          } catch (error) {
            failed(error);
          }
        }
      }
    },
  };
}
