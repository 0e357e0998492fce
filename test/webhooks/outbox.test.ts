import { Webhook } from "standardwebhooks";
import { describe, expect, test, vi } from "vitest";
import { HOUR_MS, MINUTE_MS } from "../../src/clock.ts";
import type { WebhookEndpoint } from "../../src/site.ts";
import { parseOwed, withEvent } from "../../src/webhooks/owed.ts";
import { createOutbox } from "../../src/webhooks/outbox.ts";
import { MAX_ALL_IN_FLIGHT } from "../../src/webhooks/pool.ts";
import { verifyWebhook } from "../../src/webhooks/signature.ts";
import type { Sent } from "./outbox-setup.ts";
import { endpoint, header, raised, SECRET, setUp, siteWith, stored, toPayload, URL_A } from "./outbox-setup.ts";

describe("what is owed", () => {
  test("one delivery for each endpoint that wants the event, with one id and one payload", () => {
    const { outbox, time } = setUp();
    const site = siteWith(endpoint(URL_A), endpoint("https://hooks.example/b", { events: ["pageview"] }), endpoint("https://hooks.example/c", { events: ["event", "pageview"] }));
    const owed = stored(outbox.owe(site, [raised({ name: "x" }, time.now()), raised({}, time.now(), { name: "high_intent_visitor", id: "msg_derived" })]));
    expect(owed).toHaveLength(3);
    expect(new Set(owed.map(({ endpoint: id }) => id)).size).toBe(2);
    expect(owed[0]).toMatchObject({ siteId: "shop", event: "event", at: time.now(), id: expect.stringMatching(/^msg_.{26}$/) });
    expect(owed[1]).toEqual({ ...owed[0], endpoint: owed[1]?.endpoint });
    expect(owed[2]).toMatchObject({ id: "msg_derived", event: "high_intent_visitor", endpoint: owed[0]?.endpoint });
    expect(JSON.parse(toPayload(owed[0]!, owed[0]!.draft))).toEqual({ event: "event", siteId: "shop", timestamp: "2025-01-15T10:30:00Z", data: { name: "x" }, id: owed[0]?.id });
  });

  test("nothing for a site without webhooks, and once for a URL that is configured twice", () => {
    const { outbox } = setUp();
    const happened = [raised({}, 0)];
    expect(outbox.owe({ id: "shop", apiKey: "k" }, happened)).toEqual([]);
    expect(outbox.owe(siteWith(endpoint(), endpoint()), happened)).toHaveLength(1);
  });

  test("is told in full by what lies in a segment: record and event", () => {
    const [owing] = setUp().outbox.owe(siteWith(endpoint()), [raised({ name: "x" }, 5)]);
    const line = JSON.stringify({ id: "evt_1", siteId: "shop", at: 5, visitorId: "vis_1" });
    expect(parseOwed(`${owing!.record},${line}`)).toEqual(withEvent(owing!, line));
  });
});

describe("an attempt", () => {
  test("carries the headers of the contract and both signatures", async () => {
    const { time, sent, raise } = setUp();
    const [owed] = raise("x");
    await time.advance(0);
    const { request } = sent[0] as Sent;
    expect(request.headers).toEqual({
      "content-type": "application/json; charset=utf-8",
      "user-agent": "WysLeap-Webhooks/0",
      "webhook-id": owed?.id,
      "webhook-timestamp": String(Date.parse("2025-01-15T10:30:00Z") / 1_000),
      "webhook-signature": expect.stringMatching(/^v1,.{44}$/),
      "x-wysleap-event": "event",
      "x-wysleap-attempt": "1",
    });
    expect(request).toMatchObject({ id: owed?.id, url: URL_A });
    expect(request.body).toContain(toPayload(owed!, owed!.draft).slice(0, -1));
    expect(verifyWebhook(request.body, JSON.parse(request.body).signature, SECRET)).toBe(true);
    vi.useFakeTimers({ now: time.now() });
    try {
      expect(new Webhook(SECRET).verify(request.body, request.headers)).toEqual(JSON.parse(request.body));
    } finally {
      vi.useRealTimers();
    }
  });

  test("is not made within the call that raised it", async () => {
    const { time, sent, raise } = setUp();
    raise("x");
    await time.settle();
    expect(sent).toHaveLength(0);
    await time.advance(0);
    expect(sent).toHaveLength(1);
  });

  test("that is repeated has the same id and unsigned bytes, a new timestamp and a counted attempt", async () => {
    const { time, sent, raise } = setUp({ answer: (_, index) => (index === 0 ? 500 : 200) });
    const [owed] = raise("x");
    await time.advance(MINUTE_MS);
    expect(sent).toHaveLength(2);
    const [first, second] = sent as [Sent, Sent];
    expect(second.request.body).toBe(first.request.body);
    expect(header(second, "webhook-id")).toBe(owed?.id);
    expect(Number(header(second, "webhook-timestamp"))).toBeGreaterThan(Number(header(first, "webhook-timestamp")));
    expect(header(second, "webhook-signature")).not.toBe(header(first, "webhook-signature"));
    expect(header(second, "x-wysleap-attempt")).toBe("2");
  });

  test("is signed with the secret of its own moment: a rotation reaches retries", async () => {
    const { time, sent, raise, state } = setUp({ answer: () => 500 });
    raise("x");
    await time.advance(0);
    state.site = siteWith(endpoint(URL_A, { secret: ["a completely new secret", SECRET] }));
    await time.advance(MINUTE_MS);
    const { request } = sent[1] as Sent;
    expect(request.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
    expect(verifyWebhook(request.body, JSON.parse(request.body).signature, "a completely new secret")).toBe(true);
  });

  test("that gets no answer in 15 s has failed, whether or not the transport stops", async () => {
    const { outbox, time, sent, raise } = setUp({ answer: (_, index) => (index === 0 ? "hang" : 200) });
    raise("x");
    await time.advance(14_999);
    expect(outbox.stats()).toMatchObject({ inFlight: 1, failedAttempts: 0 });
    await time.advance(1);
    expect(sent[0]?.signal.aborted).toBe(true);
    expect(outbox.stats()).toMatchObject({ inFlight: 0, failedAttempts: 1, pending: 1 });
    await time.advance(59_999);
    expect(sent).toHaveLength(1);
    await time.advance(1);
    expect(outbox.stats()).toMatchObject({ delivered: 1, pending: 0 });
  });

  test("ten times in vain: given up, told, listed, and tried again by hand with its old id", async () => {
    const { outbox, time, sent, lines, told, raise, state } = setUp({
      site: siteWith(endpoint("https://user:pw@hooks.example/a?token=hidden")),
      // a sibling that succeeds now and then keeps the endpoint from being switched off
      answer: ({ request }) => (request.body.includes('"sibling"') ? 200 : 500),
    });
    const [owed] = raise("x");
    for (let hour = 0; hour < 110; hour++) {
      await time.advance(HOUR_MS);
      raise("sibling");
    }
    const attempts = sent.filter((one) => header(one, "webhook-id") === owed?.id);
    expect(attempts.map((one) => header(one, "x-wysleap-attempt"))).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    expect(told).toEqual([["failed", { siteId: "shop", id: owed?.id, url: "https://hooks.example/a", status: 500 }]]);
    expect(outbox.deadLetters("shop")).toMatchObject([{ delivery: owed, reason: "status 500", status: 500, attempts: 10 }]);
    expect(lines.join()).toContain(`${owed?.id} of site shop to https://hooks.example/a was given up: status 500`);
    expect(lines.join()).not.toMatch(/hidden|user|pw@|whsec/);

    state.answer = () => 200;
    expect(outbox.retry("blog", owed?.id ?? "")).toBe(0);
    expect(outbox.retry("shop", owed?.id ?? "")).toBe(1);
    await time.advance(0);
    expect(header(sent.at(-1) as Sent, "webhook-id")).toBe(owed?.id);
    expect(outbox.deadLetters("shop")).toEqual([]);
  });

  test("whatever a transport or a hook throws stays inside", async () => {
    const hooks = {
      webhookFailed() {
        throw new Error("the owner's mistake");
      },
      webhookDisabled: () => Promise.reject(new Error("another")) as unknown as void,
    };
    const { outbox, time, lines, raise } = setUp({ answer: () => 410, hooks });
    raise("x");
    await time.advance(0);
    expect(lines.filter((line) => line.includes("hooks.webhook"))).toHaveLength(2);
    expect(outbox.stats().endpoints[0]?.disabled).toBe("gone");
    const broken = createOutbox({ sites: () => siteWith(endpoint()), transport: () => { throw "a string"; } });
    broken.enqueue(broken.owe(siteWith(endpoint()), [raised({}, 0)]).map(({ delivery }) => ({ ...delivery, draft: "{}" })));
    await vi.waitFor(() => expect(broken.stats()).toMatchObject({ failedAttempts: 1, inFlight: 0 }));
    await broken.close(0);
  });
});

describe("order and duplicates", () => {
  test("first attempts start in the order of their events, four at a time; a retry holds back nobody", async () => {
    let running = 0;
    let most = 0;
    const { time, raise, names } = setUp({
      async answer(_, index) {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => time.startTimer(resolve, 10));
        running--;
        return index === 2 ? 500 : 200;
      },
    });
    const inOrder = Array.from({ length: 30 }, (_, index) => `n${index}`);
    for (const name of inOrder) raise(name);
    await time.advance(MINUTE_MS);
    expect(names()).toEqual([...inOrder, "n2"]);
    expect(most).toBe(4);
  });

  test("an ordered endpoint gets one at a time, and the failing one holds back those behind it", async () => {
    const { time, raise, names } = setUp({ site: siteWith(endpoint(URL_A, { ordered: true })), answer: (_, index) => (index === 1 || index === 2 ? 500 : 200) });
    for (const name of ["a", "b", "c"]) raise(name);
    await time.advance(1_000);
    expect(names()).toEqual(["a", "b"]);
    await time.advance(10 * MINUTE_MS);
    expect(names()).toEqual(["a", "b", "b", "b", "c"]);
  });

  test("an id that is pending or was just delivered is not sent a second time", async () => {
    const { outbox, time, sent, raise } = setUp();
    raise("x", { id: "msg_derived" });
    raise("x", { id: "msg_derived" });
    await time.advance(0);
    raise("x", { id: "msg_derived" });
    await time.advance(HOUR_MS);
    expect(sent).toHaveLength(1);
    expect(outbox.stats()).toMatchObject({ delivered: 1, pending: 0 });
  });

  test("an endpoint that hangs holds up no other; all together are at most 64 at a time", async () => {
    const dead = Array.from({ length: 20 }, (_, index) => endpoint(`https://dead${index}.example/`));
    const { outbox, time, sent, raise } = setUp({ site: siteWith(...dead, endpoint()), answer: ({ request }) => (request.url.includes("dead") ? "hang" : 200) });
    for (let count = 0; count < 4; count++) raise("x");
    await time.advance(0);
    expect(outbox.stats().inFlight).toBe(MAX_ALL_IN_FLIGHT);
    expect(sent).toHaveLength(MAX_ALL_IN_FLIGHT);
    await time.advance(15_000); // the pool is free again, and the live one is next in turn
    expect(sent.filter(({ request }) => request.url === URL_A)).toHaveLength(4);
    const one = setUp({ site: siteWith(dead[0] as WebhookEndpoint, endpoint()), answer: ({ request }) => (request.url.includes("dead") ? "hang" : 200) });
    for (let count = 0; count < 100; count++) one.raise("x");
    await one.time.advance(0);
    expect(one.outbox.stats().delivered).toBe(100);
  });
});
