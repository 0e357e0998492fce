import { expect, test } from "vitest";
import { STATUS_BY_CODE } from "../../src/errors.ts";
import { createDocument } from "../../src/http/openapi.ts";
import { createTestApp } from "./stand-in.ts";

const document = createDocument() as {
  paths: Record<string, Record<string, { operationId: string }>>;
  components: { schemas: Record<string, unknown>; responses: Record<string, unknown> };
};

test("every reference leads somewhere, and everything it could lead to is used", () => {
  const refs = new Set(JSON.stringify(document).match(/(?<="\$ref":")[^"]+/g));
  for (const ref of refs) {
    const found = ref.slice(2).split("/").reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], document);
    expect(found, ref).toBeDefined();
  }
  for (const name of Object.keys(document.components.schemas)) expect(refs).toContain(`#/components/schemas/${name}`);
});

test("every documented operation is served, with an id of its own", async () => {
  const app = createTestApp();
  const ids: string[] = [];
  for (const [path, operations] of Object.entries(document.paths)) {
    const answer = await app.fetch(new Request(`http://x${path.replaceAll(/[{}]/g, "")}`, { method: "OPTIONS" }));
    const allowed = answer.headers.get("allow")?.split(", ").filter((method) => method !== "HEAD" && method !== "OPTIONS");
    expect([path, allowed?.sort()]).toEqual([path, Object.keys(operations).map((method) => method.toUpperCase()).sort()]);
    ids.push(...Object.values(operations).map(({ operationId }) => operationId));
  }
  expect(new Set(ids).size).toBe(ids.length);
});

test("every error code is an error of its status", () => {
  expect(document.components.schemas["ErrorCode"]).toMatchObject({ enum: Object.keys(STATUS_BY_CODE) });
  expect(Object.keys(document.components.responses)).toEqual(Object.values(STATUS_BY_CODE).map(String));
});
