import { expect, it } from "vitest";
import { toUrl } from "../../src/ingest/url.ts";

it("a text is a URL or undefined, never an error", () => {
  expect(toUrl("https://Shop.example/a")?.href).toBe("https://shop.example/a");
  for (const text of ["", "nope", "https://[", "//x"]) expect(toUrl(text)).toBeUndefined();
});
