/** Fewer characters are within reach of guessing. */
export const MIN_SECRET_CHARS = 24;

/**
 * Whether an endpoint's secret will do: `refused` is an error, `warning` is for the log, both in words that go on
 * from "sites[0].webhooks[0].secret".
 */
export function checkWebhookSecret(secret: unknown): { refused: string } | { warning: string } | { warning?: undefined } {
  const secrets: unknown[] = Array.isArray(secret) ? secret : [secret];
  if (secrets.length === 0) return { refused: "is an empty list" };
  for (const one of secrets) {
    if (typeof one !== "string" || one.trim() === "") return { refused: "is missing; make one with generateWebhookSecret()" };
    if (one.startsWith("whsec_") && !/^whsec_([A-Za-z0-9+/]{4})+([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(one)) {
      return { refused: "begins with whsec_ but what follows is not base64; make one with generateWebhookSecret()" };
    }
  }
  const short = secrets.some((one) => (one as string).length < MIN_SECRET_CHARS);
  return short ? { warning: `has fewer than ${MIN_SECRET_CHARS} characters; make one with generateWebhookSecret()` } : {};
}
