import assert from "node:assert/strict";
import type { ContractCase, HttpSubject } from "./case.ts";

/** A browser that no bot list knows; hits without one may be dropped as a bot's. */
export const BROWSER =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";

export const KEYS = {
  secret: "secret-key-of-the-demo-site",
  write: "public-key-of-the-demo-site",
  smallSecret: "secret-key-of-the-small-site",
  smallWrite: "public-key-of-the-small-site",
  other: "secret-key-of-the-other-site",
} as const;

export interface Sent {
  method?: string;
  key?: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON; text and bytes as they are. */
  body?: object | string | Uint8Array;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; `undefined` when it is none. */
  json: any;
}

/** Sends one request below the mount, as a browser that is not a bot. */
export async function send({ base }: HttpSubject, path: string, sent: Sent = {}): Promise<Answer> {
  const { key, body } = sent;
  const isPlain = typeof body === "string" || body instanceof Uint8Array;
  const headers: Record<string, string> = { "user-agent": BROWSER };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key !== undefined) headers["x-api-key"] = key;
  const method = sent.method ?? (body === undefined ? "GET" : "POST");
  const response = await fetch(base + path, {
    method,
    headers: { ...headers, ...sent.headers },
    body: body === undefined || isPlain ? (body as BodyInit | undefined) : JSON.stringify(body),
    redirect: "manual",
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function pageview(more: object = {}): Record<string, unknown> {
  return { siteId: "demo", pageUrl: "https://shop.example/products", userAgent: BROWSER, ...more };
}

/** The answer is this error, in the documented form. */
export function assertError(answer: Answer, status: number, code: string, message?: RegExp | string): void {
  assert.equal(answer.status, status, `expected ${status} ${code}, got ${answer.status} ${answer.text.slice(0, 200)}`);
  assert.match(answer.headers.get("content-type") ?? "", /^application\/json\b/);
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  assert.equal(answer.json?.code, code);
  assert.equal(typeof answer.json?.error, "string");
  if (typeof message === "string") assert.equal(answer.json.error, message);
  else if (message) assert.match(answer.json.error, message);
}

export function assertOk(answer: Answer): void {
  assert.equal(answer.status, 200, `expected 200, got ${answer.status} ${answer.text.slice(0, 200)}`);
}

/** `value` has every field of the example, in its order and of its type; more fields are fine. */
export function assertLike(value: unknown, example: unknown, at = "answer"): void {
  if (Array.isArray(example)) {
    assert.ok(Array.isArray(value), `${at} is a list`);
    for (const [index, item] of value.entries()) assertLike(item, example[0], `${at}[${index}]`);
  } else if (typeof example === "object" && example !== null) {
    assert.ok(typeof value === "object" && value !== null, `${at} is an object`);
    const names = Object.keys(example);
    const common = Object.keys(value).filter((name) => names.includes(name));
    assert.deepEqual(common, names, `fields of ${at}`);
    for (const name of names) {
      assertLike((value as Record<string, unknown>)[name], (example as Record<string, unknown>)[name], `${at}.${name}`);
    }
  } else assert.equal(typeof value, typeof example, `type of ${at}`);
}

export const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/** A case that has a server of its own where the host can give one, and closes it. */
export function httpCase(name: string, body: (server: HttpSubject) => Promise<void>): ContractCase<HttpSubject> {
  return {
    name,
    async run(create) {
      const server = await create();
      try {
        await body(server);
      } finally {
        await server.close();
      }
    },
  };
}

/** Tries until it holds, at most 4 seconds: what was stored must be readable within 2. */
export async function eventually(check: () => Promise<void>): Promise<void> {
  const end = Date.now() + 4_000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
