import { expect, test } from "vitest";
import { checkWebhookSecret } from "../../src/webhooks/secret.ts";
import { generateWebhookSecret } from "../../src/webhooks/signature.ts";

test("a generated secret, a long one of your own and a list of both will do", () => {
  for (const secret of [generateWebhookSecret(), "x".repeat(24), [generateWebhookSecret(), "y".repeat(40)]]) expect(checkWebhookSecret(secret)).toEqual({});
});

test("a secret of fewer than 24 characters is warned about", () => {
  expect(checkWebhookSecret("x".repeat(23))).toEqual({ warning: expect.stringContaining("24") });
});

test.each<[unknown]>([[undefined], [""], ["   "], [[]], [["x".repeat(24), ""]], [42], ["whsec_"], ["whsec_not base64!"]])("%j is refused", (secret) => {
  expect(checkWebhookSecret(secret)).toEqual({ refused: expect.any(String) });
});
