import { afterAll, beforeAll, describe, test } from "vitest";
import { createAnalytics } from "../../src/analytics.ts";
import type { HttpSubject } from "../../src/testing/case.ts";
import { CONTRACT_SITES } from "../../src/testing/case.ts";
import { httpCases } from "../../src/testing/http-cases.ts";
import { serveApp } from "./stand-in.ts";

async function createSubject(): Promise<HttpSubject> {
  const analytics = createAnalytics({ sites: CONTRACT_SITES });
  const server = await serveApp(analytics);
  return { ...server, close: () => server.close().then(() => analytics.close()) };
}

describe("a bare server", () => {
  for (const { name, run } of httpCases) test(name, () => run(createSubject));
});

describe("one server for all cases, as a built application is one", () => {
  let server: HttpSubject;
  beforeAll(async () => {
    server = await createSubject();
  });
  afterAll(() => server.close());
  for (const { name, run } of httpCases) test(name, () => run(async () => ({ ...server, close: async () => {} })));
});
