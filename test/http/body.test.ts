import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { AppParts } from "../../src/http/app.ts";
import { KEYS } from "../../src/testing/http-client.ts";
import { createLog, createTestApp, serveApp } from "./stand-in.ts";

const EVENT = { siteId: "demo", eventName: "Sent" };
const URL_OF_EVENTS = "http://x/telemetry/event";

const post = (body: BodyInit | null, headers: Record<string, string> = {}, url = URL_OF_EVENTS) =>
  new Request(url, { method: "POST", body, headers: { "x-api-key": KEYS.secret, ...headers }, duplex: "half" } as RequestInit);

/** Writes what it is given onto a socket, piece by piece, and resolves with all that came back when the server hangs up. */
async function speak(pieces: string[], bounds: AppParts["bounds"], pauseMs = 0): Promise<string> {
  const server = await serveApp(createTestApp({ bounds }));
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect(server.port, "127.0.0.1");
      let heard = "";
      socket.on("data", (chunk) => (heard += chunk.toString()));
      socket.on("close", () => resolve(heard));
      socket.on("error", reject);
      for (const [at, piece] of pieces.entries()) setTimeout(() => socket.writable && socket.write(piece), at * pauseMs);
    });
  } finally {
    await server.close();
  }
}

const head = (length: number | "chunked") =>
  `POST /telemetry/event HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${
    length === "chunked" ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`
  }\r\n\r\n`;

describe("a slow body", () => {
  test("that stops in the middle is answered 408 and hung up on", async () => {
    const heard = await speak([head(100), '{"siteId":'], { chunkMs: 60, bodyMs: 3_600_000 });
    expect(heard).toMatch(/^HTTP\/1\.1 408 /);
    expect(heard).toMatch(/\r\nconnection: close\r\n/i);
    expect(heard).toMatch(/"code":"REQUEST_TIMEOUT"/);
  });

  test("that drips is answered 408 when its whole time is over", async () => {
    const drops = Array.from({ length: 60 }, () => " ");
    expect(await speak([head(1_000), ...drops], { chunkMs: 3_600_000, bodyMs: 200 }, 20)).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe("a body that is too large", () => {
  test("by its own account is refused before any of it came, and the connection is closed", async () => {
    const heard = await speak([head(64 * 1024 + 1)], {});
    expect(heard).toMatch(/^HTTP\/1\.1 413 /);
    expect(heard).toMatch(/\r\nconnection: close\r\n/i);
  });

  test("in chunks is refused at the first byte too many", async () => {
    const chunk = `2000\r\n${" ".repeat(0x2000)}\r\n`;
    const heard = await speak([head("chunked") + chunk.repeat(8), "1\r\nx\r\n"], {}, 50);
    expect(heard).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("is answered to a client that sends 50 MB without looking", async () => {
    const server = await serveApp(createTestApp());
    const response = await fetch(`${server.base}/telemetry/event`, { method: "POST", body: new Uint8Array(50_000_000) });
    expect(response.status).toBe(413);
    await server.close();
  });
});

describe("bodies all together", () => {
  test("may have so many bytes; what is above gets 503 and is not read", async () => {
    const app = createTestApp({ bounds: { maxBytes: 10_000 } });
    const held: ReadableStreamDefaultController<Uint8Array>[] = [];
    const stream = () => new ReadableStream<Uint8Array>({ start: (controller) => void held.push(controller) });
    const first = app.fetch(post(stream(), { "content-length": "6000" }));
    const second = await app.fetch(post(stream(), { "content-length": "6000" }));
    expect([second.status, second.headers.get("retry-after")]).toEqual([503, "1"]);
    held[0]!.enqueue(Buffer.from(JSON.stringify(EVENT)));
    held[0]!.close();
    expect((await first).status).toBe(200);
    expect((await app.fetch(post(JSON.stringify(EVENT), { "content-length": "9000" }))).status).toBe(200);
  });

  test("are inflated two at a time, 20 may wait, and the others get 503", async () => {
    const app = createTestApp();
    const body = gzipSync(JSON.stringify(EVENT));
    const answers = await Promise.all(Array.from({ length: 50 }, () => app.fetch(post(body, { "content-encoding": "gzip" }))));
    const counts = [200, 503].map((status) => answers.filter((answer) => answer.status === status).length);
    expect(counts).toEqual([22, 28]);
    expect((await app.fetch(post(body, { "content-encoding": "gzip" }))).status).toBe(200);
  });
});

describe("a body that the host's parser took", () => {
  const send = (body: unknown, headers: Record<string, string> = {}) => {
    const app = createTestApp();
    return app.fetch(post(null, headers), { body });
  };

  test("is used as an object, a text or bytes, whatever Content-Encoding still says", async () => {
    const text = JSON.stringify(EVENT);
    for (const body of [EVENT, text, `\uFEFF${text}`, Buffer.from(text)]) {
      expect((await send(body, { "content-encoding": "gzip" })).status).toBe(200);
    }
    expect((await send("{")).status).toBe(400);
    expect((await send(null)).status).toBe(400);
    expect((await send(EVENT, { "content-type": "application/x-www-form-urlencoded" })).status).toBe(415);
  });

  test("has the same limits", async () => {
    const big = { ...EVENT, extra: "x".repeat(64 * 1024) };
    for (const body of [big, JSON.stringify(big), Buffer.from(JSON.stringify(big))]) {
      expect((await send(body, { "content-encoding": "gzip" })).status).toBe(413);
      expect((await send(body)).status).toBe(413);
    }
  });

  test("stays as the host knows it", async () => {
    const body = { ...EVENT, _apiKey: KEYS.write, userAgent: "x", ip: "1.2.3.4" };
    const batch = { siteId: "demo", _apiKey: KEYS.write, items: [{ type: "event", eventName: "A", ip: "1.2.3.4" }] };
    const copies = JSON.stringify([body, batch]);
    const app = createTestApp();
    const bare = (path: string) => new Request(`http://x/telemetry/${path}`, { method: "POST" });
    expect((await app.fetch(bare("event"), { body })).status).toBe(200);
    const answer = (await (await app.fetch(bare("batch"), { body: batch })).json()) as { results: { success: boolean }[] };
    expect(answer.results[0]!.success).toBe(true);
    expect(JSON.stringify([body, batch])).toBe(copies);
  });

  test("but was not handed over is a 400 and a hint to the owner, never a hang", async () => {
    const log = createLog();
    const app = createTestApp({ reporter: log });
    const request = post(JSON.stringify(EVENT));
    await request.text();
    const answer = await app.fetch(request);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ error: "The request body was already read", code: "VALIDATION_ERROR" });
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatch(/^warn: .*body parser/);
  });
});
