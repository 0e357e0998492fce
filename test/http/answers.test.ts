import { afterAll, expect, test } from "vitest";
import { createAnalytics } from "../../src/analytics.ts";
import { createDocument } from "../../src/http/openapi.ts";
import type { Schema } from "../../src/http/openapi-fields.ts";

const apiKey = "a-secret-key-of-the-shop-0000";
const analytics = createAnalytics({ sites: [{ id: "shop", apiKey, webhooks: [{ url: "https://hooks.example/a", secret: "a secret of at least 24 characters" }] }], webhooks: { transport: async () => ({ status: 500 }) } });
afterAll(() => analytics.close());

const { paths, components } = createDocument() as { paths: Record<string, any>; components: { schemas: Record<string, Schema> } };

/** The paths of what an answer has and its schema does not name. */
function unnamed(value: unknown, schema: Schema | undefined, at = ""): string[] {
  const named = (schema?.["$ref"] ? components.schemas[(schema["$ref"] as string).split("/").at(-1)!] : schema) as Record<string, any> | undefined;
  if (!named) return [at];
  if (Array.isArray(value)) return value.flatMap((item) => unnamed(item, named["items"], `${at}[]`));
  if (value === null || typeof value !== "object") return [];
  if (!named["properties"]) return named["additionalProperties"] || at.endsWith("eventData") ? [] : [at];
  return Object.entries(value).flatMap(([key, item]) => unnamed(item, named["properties"][key], `${at}.${key}`));
}

const ask = async (path: string, init: RequestInit = {}) => (await analytics.fetch(new Request(`http://x${path}`, { ...init, headers: { "x-api-key": apiKey } }))).json();
const schemaOf = (path: string, method = "get"): Schema => paths[path][method].responses["200"].content["application/json"].schema;

test("answers have nothing that the document does not name", async () => {
  const siteId = "shop";
  const visitorId = "vis_1";
  await analytics.trackPageview(
    { siteId, visitorId, pageUrl: "https://shop.example/?utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e", pageTitle: "Shop", referrer: "https://a.example/", pageviewId: "pv_1", language: "en-US", userId: "u_1" },
    { userAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36" },
  );
  await analytics.trackEngagement({ siteId, visitorId, pageUrl: "https://shop.example/", pageviewId: "pv_1", engagedSeconds: 9, scrollDepth: 40 });
  await analytics.trackEvent({ siteId, visitorId, eventName: "Purchase Completed", eventData: { plan: { name: "pro" } }, value: 9, currency: "EUR" });
  const answers: [answer: unknown, schema: Schema][] = [
    [await ask("/visitors/shop"), schemaOf("/visitors/{siteId}")],
    [await ask("/visitors/shop/vis_1"), schemaOf("/visitors/{siteId}/{visitorId}")],
    [await ask("/webhooks/shop/deliveries"), schemaOf("/webhooks/{siteId}/deliveries")],
    [await ask("/health"), schemaOf("/health")],
    [await ask("/visitors/shop/vis_2", { method: "DELETE" }), schemaOf("/visitors/{siteId}/{visitorId}", "delete")],
  ];
  for (const [answer, schema] of answers) expect(unnamed(answer, schema)).toEqual([]);
});

test("a timeline is read page by page", async () => {
  const names = ["One", "Two", "Three"];
  for (const [index, eventName] of names.entries()) await analytics.trackEvent({ siteId: "shop", visitorId: "vis_paged", eventName }, { timestamp: 1_700_000_000_000 + index });
  const seen: string[] = [];
  for (let cursor = ""; ; ) {
    const { timeline } = await ask(`/visitors/shop/vis_paged?limit=2${cursor && `&cursor=${cursor}`}`);
    seen.push(...timeline.events.map(({ eventName }: { eventName: string }) => eventName));
    if (!timeline.cursor) break;
    cursor = timeline.cursor;
  }
  expect(seen).toEqual(names.toReversed());
  expect((await analytics.getVisitor("shop", "vis_paged", { limit: 1 }))?.timeline.events).toHaveLength(1);
  expect(await ask("/visitors/shop/vis_paged?cursor=garbage")).toMatchObject({ code: "VALIDATION_ERROR", error: expect.stringContaining("cursor") });
});

test("what browsers could not keep is counted", async () => {
  const items = [{ type: "event", eventName: "Kept" }];
  for (const discarded of [3, -1, "many", 1e9]) await ask("/telemetry/batch", { method: "POST", body: JSON.stringify({ siteId: "shop", items, discarded }) });
  expect((await ask("/health")).http.discarded).toBe(100_003);
});
