import { AnalyticsError } from "../errors.ts";
import { type Site, WEBHOOK_EVENTS } from "../site.ts";
import type { DeliveriesQuery, DeliveryStatus } from "../webhooks/delivery-list.ts";
import { DEFAULT_DELIVERIES, MAX_DELIVERIES } from "../webhooks/delivery-list.ts";
import { parseMoment, parseWhole, readParameters, type Unchecked } from "./query.ts";

const STATUSES: DeliveryStatus[] = ["pending", "delivered", "failed"];

export function parseDeliveriesQuery(query: string): DeliveriesQuery {
  return toDeliveriesQuery(readParameters(query, ["status", "event", "endpoint", "limit", "cursor"]));
}

export function toDeliveriesQuery({ status, event, endpoint, limit, cursor }: Unchecked<DeliveriesQuery>): DeliveriesQuery {
  if (cursor !== undefined && !(typeof cursor === "string" && /^\d{1,15}$/.test(cursor))) throw invalid("cursor must be the one of the page before");
  return {
    status: oneOf(status, "status", STATUSES),
    event: oneOf(event, "event", WEBHOOK_EVENTS),
    endpoint: textOf(endpoint, "endpoint"),
    limit: parseWhole(limit, "limit", MAX_DELIVERIES, DEFAULT_DELIVERIES),
    cursor,
  };
}

export function parseEndpointQuery(query: string): string | undefined {
  return readParameters(query, ["endpoint"]).endpoint;
}

export function parseRecoverQuery(query: string): { since: number; endpoint?: string } {
  const { since, endpoint } = readParameters(query, ["since", "endpoint"]);
  return { since: toSince(since), endpoint };
}

export function toSince(given: unknown): number {
  const since = parseMoment(given, "since");
  if (since === undefined) throw invalid("Missing required parameter: since");
  return since;
}

/** The URL if it is one of the site's endpoints; undefined is all of them. */
export function endpointOf(site: Site, url: unknown): string | undefined {
  if (url !== undefined && !site.webhooks?.some((endpoint) => endpoint.url === url)) {
    throw new AnalyticsError("NOT_FOUND", "The site has no such endpoint");
  }
  return url as string | undefined;
}

function textOf(given: unknown, name: string): string | undefined {
  if (given === undefined || typeof given === "string") return given;
  throw invalid(`${name} must be a text`);
}

function oneOf<Word extends string>(text: unknown, name: string, words: readonly Word[]): Word | undefined {
  if (text === undefined || words.includes(text as Word)) return text as Word | undefined;
  throw invalid(`${name} must be one of ${words.join(", ")}`);
}

function invalid(message: string): AnalyticsError {
  return new AnalyticsError("VALIDATION_ERROR", message);
}
