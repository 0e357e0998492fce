import { describe, expect, test } from "vitest";
import { transportCases } from "../../src/testing/transport-cases.ts";
import { createHttpsTransport } from "../../src/webhooks/https-transport.ts";
import type { WebhookTransport } from "../../src/webhooks/transport.ts";

const real = createHttpsTransport({ allowPrivateNetwork: true });

/** Transports with one defect each. */
const broken: Record<string, WebhookTransport> = {
  "rewrites the body": (delivery, signal) => real({ ...delivery, body: delivery.body.replace(/[^\0-\x7f]/gu, "?") }, signal),
  "spoils a header": (delivery, signal) => real({ ...delivery, headers: { ...delivery.headers, "webhook-signature": "v1,abc=" } }, signal),
  "drops the query": (delivery, signal) => real({ ...delivery, url: delivery.url.split("?")[0] ?? "" }, signal),
  "rejects what is no success": async (delivery, signal) => {
    const answer = await real(delivery, signal);
    if (answer.status >= 400) throw new Error(`status ${answer.status}`);
    return answer;
  },
  "follows redirects": async ({ url, headers, body }, signal) => {
    const response = await fetch(url, { method: "POST", headers, body, signal });
    await response.body?.cancel();
    const retryAfter = response.headers.get("retry-after");
    return { status: response.status, ...(retryAfter && { retryAfter: Number(retryAfter) }) };
  },
  "forgets Retry-After": async (delivery, signal) => ({ status: (await real(delivery, signal)).status }),
  "cannot be stopped": (delivery) => Promise.race([real(delivery, new AbortController().signal), new Promise<never>((_, reject) => setTimeout(reject, 2_000, "late"))]),
  "takes a failed connection for an answer": (delivery, signal) => real(delivery, signal).catch(() => ({ status: 0 })),
};

const EXPECTED: Record<keyof typeof broken, RegExp> = {
  "rewrites the body": /bytes arrive unchanged/,
  "spoils a header": /headers, path and query/,
  "drops the query": /headers, path and query/,
  "rejects what is no success": /whatever status comes back/,
  "follows redirects": /redirect/,
  "forgets Retry-After": /Retry-After/,
  "cannot be stopped": /aborted before it began/,
  "takes a failed connection for an answer": /refused or reset/,
};

describe("the contract of transports notices one that", () => {
  test.each(Object.entries(broken))("%s", async (defect, transport) => {
    const named = transportCases.filter(({ name }) => EXPECTED[defect]?.test(name));
    const verdicts = await Promise.allSettled(named.map(({ run }) => run(async () => ({ transport }))));
    expect(verdicts.some(({ status }) => status === "rejected")).toBe(true);
  });
});

test("the names of the cases are told apart", () => {
  expect(new Set(transportCases.map(({ name }) => name)).size).toBe(transportCases.length);
});
