import { AnalyticsError } from "../errors.ts";
import { WEBHOOK_EVENTS } from "../site.ts";
import type { DeliveriesQuery, DeliveryStatus } from "../webhooks/delivery-list.ts";
import { DEFAULT_DELIVERIES, MAX_DELIVERIES } from "../webhooks/delivery-list.ts";
import { parseMoment, parseWhole, readParameters } from "./query.ts";

const STATUSES: DeliveryStatus[] = ["pending", "delivered", "failed"];

export function parseDeliveriesQuery(query: string): DeliveriesQuery {
  const { status, event, endpoint, limit, cursor } = readParameters(query, ["status", "event", "endpoint", "limit", "cursor"]);
  if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) throw invalid("cursor must be the one of the page before");
  return {
    status: oneOf(status, "status", STATUSES),
    event: oneOf(event, "event", WEBHOOK_EVENTS),
    endpoint,
    limit: parseWhole(limit, "limit", MAX_DELIVERIES, DEFAULT_DELIVERIES),
    cursor,
  };
}

export function parseEndpointQuery(query: string): string | undefined {
  return readParameters(query, ["endpoint"]).endpoint;
}

export function parseRecoverQuery(query: string): { since: number; endpoint?: string } {
  const { since, endpoint } = readParameters(query, ["since", "endpoint"]);
  const at = parseMoment(since, "since");
  if (at === undefined) throw invalid("Missing required parameter: since");
  return { since: at, endpoint };
}

function oneOf<Word extends string>(text: string | undefined, name: string, words: readonly Word[]): Word | undefined {
  if (text === undefined || words.includes(text as Word)) return text as Word | undefined;
  throw invalid(`${name} must be one of ${words.join(", ")}`);
}

function invalid(message: string): AnalyticsError {
  return new AnalyticsError("VALIDATION_ERROR", message);
}
