import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fsDriver from "unstorage/drivers/fs";
import { afterEach, expect, test, vi } from "vitest";
import { createAnalytics } from "../../src/analytics.ts";
import type { Analytics } from "../../src/public-api.ts";
import type { WebhookEventName } from "../../src/site.ts";
import type { WebhookRequest } from "../../src/webhooks/transport.ts";

const folders: string[] = [];
const alive: Analytics[] = [];
afterEach(async () => {
  await Promise.all(alive.splice(0).map((one) => one.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

type Answer = (request: WebhookRequest) => number | Promise<number>;

function setUp() {
  const base = mkdtempSync(join(tmpdir(), "wysleap-durable-"));
  folders.push(base);
  const sent: WebhookRequest[] = [];
  const state = { now: Date.parse("2025-01-15T10:30:00Z"), answer: (() => 200) as Answer };
  /** A process. One that is left alone is dead once the clock has gone on. */
  function boot(events: WebhookEventName[] = ["event"]) {
    let isDead = false;
    const disk = fsDriver({ base });
    const unlessDead = <Args extends unknown[], Result>(act: (...args: Args) => Result) => (...args: Args) => (isDead ? new Promise(() => {}) : act(...args)) as Result;
    const analytics = createAnalytics({
      sites: [{ id: "shop", apiKey: "a-secret-key-of-the-shop-0000", webhooks: [{ url: "https://hooks.example/a", secret: "a secret of at least 24 characters", events }] }],
      storage: { ...disk, setItemRaw: unlessDead(disk.setItemRaw!), removeItem: unlessDead(disk.removeItem!) },
      now: () => state.now + performance.now(), // it goes on, and jumps when told
      webhooks: {
        async transport(request) {
          if (isDead) return new Promise(() => {});
          sent.push(request);
          return { status: await state.answer(request) };
        },
      },
    });
    return {
      analytics,
      track: (eventName: string, visitorId = "vis_1") => analytics.trackEvent({ siteId: "shop", eventName, visitorId }),
      /** Nothing of it happens any more, as after a SIGKILL. */
      die() {
        isDead = true;
        state.now += 4 * 60_000;
      },
      /** Covers segments, and takes over what dead processes left. */
      checkpoint: () => analytics.eraseVisitor("shop", "vis_nobody"),
      stop: async () => analytics.close(),
    };
  }
  const names = () => sent.map(({ body }) => JSON.parse(body).data.eventName as string);
  const bytesOnDisk = () =>
    readdirSync(base, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map((file) => readFileSync(join(file.parentPath, file.name), "latin1"))
      .join("\n");
  return { boot, sent, names, state, bytesOnDisk };
}

test("what a dead process owed is sent by another, once, in order, with its old id and attempts", async () => {
  const { boot, state, sent, names } = setUp();
  state.answer = (request) => (request.body.includes("fails") ? 500 : 200);
  const first = boot();
  await first.track("arrived");
  await first.track("fails");
  await vi.waitFor(() => expect(names()).toEqual(["arrived", "fails"]));
  state.answer = () => new Promise(() => {});
  for (const name of ["a", "b", "c", "d", "e", "f"]) await first.track(name);
  await vi.waitFor(() => expect(sent).toHaveLength(6));
  await new Promise((resolve) => setTimeout(resolve, 100)); // for the note of what arrived
  first.die();
  const before = sent.splice(0);

  state.answer = () => 200;
  const second = boot();
  alive.push(second.analytics);
  await second.checkpoint();
  await vi.waitFor(() => expect(sent).toHaveLength(7));
  expect(names().toSorted()).toEqual(["a", "b", "c", "d", "e", "f", "fails"]);
  expect(names().filter((name) => name !== "fails")).toEqual(["a", "b", "c", "d", "e", "f"]);
  const retried = sent.find(({ body }) => body.includes("fails"));
  expect(retried?.headers).toMatchObject({ "webhook-id": before[1]?.id, "x-wysleap-attempt": "2" });
  expect((await second.analytics.webhooks.deliveries("shop")).deliveries).toHaveLength(7);
});

test("what is owed outlives the segments that held it, through checkpoint after checkpoint and process after process", async () => {
  const { boot, state, names, sent } = setUp();
  state.answer = () => 500;
  let host = boot();
  for (let life = 0; life < 4; life++) {
    for (let count = 0; count < 3; count++) {
      await host.track(`life ${life} event ${count}`);
      await host.checkpoint();
    }
    host.die();
    host = boot();
    await host.checkpoint();
  }
  alive.push(host.analytics);
  sent.splice(0);
  state.answer = () => 200;
  state.now += 3 * 60 * 60_000;
  const { deliveries } = await host.analytics.webhooks.deliveries("shop", { status: "pending" });
  expect(deliveries).toHaveLength(12);
  for (const { id } of deliveries) await host.analytics.webhooks.retry("shop", id); // a success lets the others go by themselves
  await vi.waitFor(() => expect(new Set(names()).size).toBe(12), { timeout: 20_000 });
  expect(sent).toHaveLength(12);
});

test("a process that ends well leaves what is pending, dead letters and a switched-off endpoint to the next", async () => {
  const { boot, state, sent } = setUp();
  state.answer = () => 410;
  const first = boot();
  await first.track("gone");
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  await first.stop();

  const second = boot();
  alive.push(second.analytics);
  await second.checkpoint();
  const failed = async () => (await second.analytics.webhooks.deliveries("shop", { status: "failed" })).deliveries;
  expect(await failed()).toMatchObject([{ status: "failed", attempts: 1, lastCode: 410, id: sent[0]?.id }]);
  await second.track("not sent");
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(sent).toHaveLength(1);

  state.answer = () => 200;
  const { queued, complete } = await second.analytics.webhooks.recover("shop", 0);
  expect({ queued, complete }).toEqual({ queued: 2, complete: true });
  await vi.waitFor(() => expect(sent).toHaveLength(3));
  expect(sent.map(({ body }) => JSON.parse(body).data.eventName)).toEqual(["gone", "gone", "not sent"]);
  expect(sent[1]?.id).toBe(sent[0]?.id);
  expect(await failed()).toEqual([]);
  expect(await second.analytics.webhooks.recover("shop", 0), "what has just arrived is not sent again").toMatchObject({ queued: 0 });
});

test("recovery also tells which visitors became known meanwhile", async () => {
  const { boot, state, sent } = setUp();
  state.answer = () => 410;
  const host = boot(["event", "visitor_identified"]);
  alive.push(host.analytics);
  await host.track("switches the endpoint off", "vis_1");
  await vi.waitFor(() => expect(sent.length).toBeGreaterThan(0));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await host.track("first", "vis_2");
  await host.track("second", "vis_2");
  sent.splice(0);
  state.answer = () => 200;
  await host.analytics.webhooks.recover("shop", 0);
  const told = () => sent.map(({ body }) => JSON.parse(body)).map(({ event, data }) => `${event} ${data.visitorId}`).toSorted();
  await vi.waitFor(() => expect(sent).toHaveLength(5));
  expect(told()).toEqual(["event vis_1", "event vis_2", "event vis_2", "visitor_identified vis_1", "visitor_identified vis_2"]);
  expect(await host.analytics.webhooks.recover("shop", 0)).toMatchObject({ queued: 0 });
});

test("what is owed of an erased visitor is neither sent nor left in storage", async () => {
  const { boot, state, sent, bytesOnDisk } = setUp();
  state.answer = () => 500;
  const first = boot();
  await first.track("canary-erased", "vis_erased");
  await first.track("kept", "vis_kept");
  await first.checkpoint(); // both lie in one block now
  first.die();
  const host = boot();
  alive.push(host.analytics);
  await host.checkpoint();
  expect(bytesOnDisk()).toContain("canary-erased");
  await host.analytics.eraseVisitor("shop", "vis_erased");
  expect(bytesOnDisk()).not.toContain("canary-erased");
  sent.splice(0);
  state.answer = () => 200;
  const { deliveries } = await host.analytics.webhooks.deliveries("shop");
  expect(deliveries).toHaveLength(1);
  await host.analytics.webhooks.retry("shop", deliveries[0]!.id);
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.body).toContain("kept");
});

test("a repeat of an event that reached two processes, and at another time, is one webhook to whoever remembers ids", async () => {
  const { boot, state, sent } = setUp();
  const [first, second] = [boot(), boot()];
  alive.push(first.analytics, second.analytics);
  const hit = { siteId: "shop", eventName: "bought", visitorId: "vis_1", eventId: "order-1" };
  const track = (host: typeof first) => host.analytics.trackEvent(hit);
  await Promise.all([track(first), track(second)]);
  state.now += 30_000;
  await Promise.all([track(first), track(second)]);
  await vi.waitFor(() => expect(sent.length).toBeGreaterThan(0));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
});
