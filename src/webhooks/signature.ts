import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const BODY_PREFIX = "sha256=";
const BODY_SIGNATURE_CHARS = 71;
/** `,"signature":"sha256=<64 hex>"}` at the end of a body. */
const SIGNATURE_FIELD = /^,"signature":"sha256=[0-9a-f]{64}"\}$/;
const SIGNATURE_FIELD_CHARS = 87;
const SECRET_PREFIX = "whsec_";
const SECRET_BYTES = 32;

/** The body's signature, 64 hex characters. Its key is the whole secret string, as the API reference's check has it. */
export function signBody(unsigned: string, secret: string): string {
  return createHmac("sha256", secret).update(unsigned).digest("hex");
}

/**
 * `webhook-signature` of Standard Webhooks: `v1,<base64>` for each secret, separated by spaces. Its key is what
 * stands after `whsec_`, decoded; a secret without that prefix is used as it is.
 */
export function signHeader(id: string, timestampSeconds: number, body: string, secrets: string | string[]): string {
  const signed = `${id}.${timestampSeconds}.${body}`;
  return toList(secrets)
    .map((secret) => `v1,${createHmac("sha256", toHeaderKey(secret)).update(signed).digest("base64")}`)
    .join(" ");
}

export function toHeaderKey(secret: string): string | Buffer {
  return secret.startsWith(SECRET_PREFIX) ? Buffer.from(secret.slice(SECRET_PREFIX.length), "base64") : secret;
}

/**
 * Whether a webhook is ours: checks the `signature` field of its body.
 *
 * `body` is the raw text or bytes as they arrived, or the parsed payload, each with or without its `signature` field.
 * `secret` may be a list while it is being rotated. A forged, short or missing signature and a body that is no JSON
 * answer `false`; only a missing secret throws (TypeError), for it is a mistake of yours and not of the sender's.
 * Remember `id` to drop replays: this signature carries no time of the attempt.
 *
 * @example
 * app.post("/hook", express.json(), (req, res) => {
 *   if (!verifyWebhook(req.body, req.body?.signature, process.env.WEBHOOK_SECRET ?? "")) return res.sendStatus(401);
 *   res.sendStatus(204);
 * });
 */
export function verifyWebhook(body: string | Uint8Array | object, signature: unknown, secret: string | string[]): boolean {
  const secrets = toList(secret);
  if (secrets.length === 0 || secrets.some((one) => typeof one !== "string" || one === "")) {
    throw new TypeError("verifyWebhook needs the endpoint's secret: a string that is not empty, or a list of them");
  }
  if (typeof signature !== "string" || signature.length !== BODY_SIGNATURE_CHARS || !signature.startsWith(BODY_PREFIX)) {
    return false;
  }
  const given = Buffer.from(signature);
  if (given.length !== BODY_SIGNATURE_CHARS) return false;
  const unsigned = unsignedOf(body);
  if (unsigned === undefined) return false;
  return secrets.some((one) => timingSafeEqual(given, Buffer.from(BODY_PREFIX + signBody(unsigned, one))));
}

/** What must have been signed: the raw text without its last field, or the parsed payload without it. */
function unsignedOf(body: string | Uint8Array | object): string | undefined {
  if (typeof body === "string") return withoutSignature(body);
  if (body instanceof Uint8Array) return withoutSignature(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
  if (typeof body !== "object" || body === null) return undefined;
  try {
    const { signature: _, ...payload } = body as Record<string, unknown>;
    return JSON.stringify(payload);
  } catch {
    return undefined; // a cycle, a BigInt: nothing of ours
  }
}

/** Text is taken as it is: what was parsed and written again on the way may differ and no longer be what was signed. */
function withoutSignature(text: string): string {
  const body = text.trimEnd();
  const field = SIGNATURE_FIELD.exec(body.slice(-SIGNATURE_FIELD_CHARS));
  return field ? `${body.slice(0, -SIGNATURE_FIELD_CHARS)}}` : body;
}

/** A new endpoint secret: `whsec_` and 32 random bytes in base64. */
export function generateWebhookSecret(): string {
  return SECRET_PREFIX + randomBytes(SECRET_BYTES).toString("base64");
}

function toList(secret: string | string[]): string[] {
  return Array.isArray(secret) ? secret : [secret];
}
