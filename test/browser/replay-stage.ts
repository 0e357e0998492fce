import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import express from "express";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { wysleap } from "../../adapters/express.ts";
import { type Analytics, createAnalytics, type ReplayAnswer } from "../../src/index.ts";
import { launchBrowser } from "./chromium.ts";
// @ts-expect-error the playground is plain JavaScript
import { PLAYER_POLICY, playerPage } from "../../playground/pages/player.mjs";

const SECRET_KEY = "test-secret-key-0000000000";
export const WRITE_KEY = "test-write-key-00000000000";

/** A site that is recorded, its owner's player, and what is stored. */
export interface ReplayStage {
  origin: string;
  analytics: Analytics;
  /** Attributes of the tracker's tag beside those that switch replay on. */
  attributes: string;
  /** Body of `/page…`, and its Content-Security-Policy. */
  body: string;
  policy: string;
  /** Posts to the API as anybody could. */
  post(path: string, body: object, headers?: Record<string, string>): Promise<{ status: number; [field: string]: any }>;
  replays(): Promise<ReplayAnswer[]>;
  events(sessionId: string, tab?: string): Promise<any[]>;
  /** Opens the player with these events in one tab. */
  play(page: Page, events: object[]): Promise<void>;
  /** All stored values, as they are and inflated. */
  storedText(): Promise<string>;
  close(): Promise<void>;
}

/** Gives each test a stage and a page of its own. Call it in a `describe`. */
export function onReplayStage(assign: (stage: ReplayStage, page: Page) => void, options: BrowserContextOptions = {}): void {
  let browser: Browser;
  let stage: ReplayStage;
  let page: Page;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    stage = await createReplayStage();
    page = await (await browser.newContext(options)).newPage();
    assign(stage, page);
  });
  afterEach(async () => {
    await page.context().close();
    await stage.close();
  });
}

export async function createReplayStage(): Promise<ReplayStage> {
  const storage = createStorage({ driver: memoryDriver() });
  const analytics = createAnalytics({
    sites: [{ id: "shop", apiKey: SECRET_KEY, writeKey: WRITE_KEY }],
    storage, bots: "count", replay: { sessionsPerVisitor: 1_000 },
  });
  const app = express();
  app.use("/api", wysleap(analytics));
  app.get("/owner", (_, res) => void res.send('<!doctype html><title>owner</title><iframe id="player" src="/player" width="1200" height="900"></iframe>'));
  app.get("/player", (_, res) => void res.set("Content-Security-Policy", PLAYER_POLICY).send(playerPage()));
  app.get("/public/player.js", async (_, res) => void res.type("js").send(await readFile(new URL("../../playground/public/player.js", import.meta.url))));
  app.get("/vendor/rrweb-replay.js", async (_, res) => void res.type("js").send(await readFile(new URL("../../node_modules/@rrweb/replay/dist/replay.js", import.meta.url))));
  app.get(/^\/page/, (_, res) => void res.set(stage.policy ? { "Content-Security-Policy": stage.policy } : {}).send(`<!doctype html><html><head><title>Shop</title>
<script defer src="/api/tracker.js" data-site-id="shop" data-key="${WRITE_KEY}" ${stage.attributes}></script></head><body>${stage.body}</body></html>`));
  const server: Server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const stage: ReplayStage = {
    origin, analytics, attributes: 'data-session-replay="true"', body: "", policy: "",
    async post(path, body, headers = {}) {
      const answer = await fetch(`${origin}/api${path}`, { method: "POST", headers: { "content-type": "text/plain", "x-api-key": WRITE_KEY, ...headers }, body: JSON.stringify(body) });
      return { status: answer.status, ...((await answer.json()) as object) };
    },
    replays: async () => (await analytics.getReplays("shop", { limit: 1_000 })).replays,
    async events(sessionId, tab) {
      const answer = await fetch(`${origin}/api/replays/shop/${sessionId}${tab ? `?tab=${tab}` : ""}`, { headers: { "x-api-key": SECRET_KEY } });
      return (await answer.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
    },
    async play(page, events) {
      const isOpen = page.url() === `${origin}/owner`;
      if (isOpen) await page.evaluate(() => void ((document.querySelector<HTMLIFrameElement>("#player")!.contentWindow as any).replayer = undefined));
      else await page.goto(`${origin}/owner`);
      const frame = page.frameLocator("#player");
      await frame.locator("#toggle").waitFor();
      await page.waitForFunction(() => (document.querySelector<HTMLIFrameElement>("#player")!.contentWindow as any).document.readyState === "complete");
      await page.evaluate((tabs) => document.querySelector<HTMLIFrameElement>("#player")!.contentWindow!.postMessage({ tabs }, location.origin), [events]);
      await page.waitForFunction((length) => length < 2 || (document.querySelector<HTMLIFrameElement>("#player")!.contentWindow as any).replayer, events.length);
    },
    async storedText() {
      const texts: string[] = [];
      for (const key of await storage.getKeys()) {
        const value = Buffer.from((await storage.getItemRaw(key)) as Uint8Array);
        texts.push(key, value.toString("latin1"));
        const body = value.subarray(12);
        for (const part of [body, ...(key.startsWith("replay:") ? [body.subarray(4 + body.readUInt32LE(0))] : [])]) {
          const text = await promisify(inflateRaw)(part).catch(() => undefined);
          if (text) texts.push(text.toString("utf8"));
        }
      }
      return texts.join("\n");
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await analytics.close();
    },
  };
  return stage;
}

/** A part of a recording on its way. */
export const isChunk = (request: { method(): string; url(): string }) => request.method() === "POST" && request.url().endsWith("?rec");

/** Visible text, shadow roots and frames included: what somebody who looks at the page reads. */
export function visibleText(root: Node): string {
  const texts: string[] = [];
  const visit = (node: Node): void => {
    if (node.nodeType === 3) {
      const text = node.textContent!.replace(/\s+/g, " ").trim();
      if (text && node.parentElement !== null ? (node.parentElement as Element).checkVisibility() : text) texts.push(text);
      return;
    }
    if (node.nodeType === 1 && /^(SCRIPT|STYLE|NOSCRIPT|TITLE|HEAD)$/i.test((node as Element).tagName)) return;
    const { shadowRoot } = node as Element;
    if (shadowRoot) for (const child of shadowRoot.childNodes) visit(child);
    else for (const child of node.childNodes) visit(child);
  };
  visit(root);
  return texts.join(" | ");
}

export async function until<T>(ask: () => Promise<T>, ms = 20_000): Promise<NonNullable<T>> {
  const deadline = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error("it did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
