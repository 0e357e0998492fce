/** The bytes of one attempt: already signed, ready to send. */
export interface WebhookRequest {
  /** `webhook-id`: the same for every attempt of a delivery. */
  id: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}

export interface WebhookResponse {
  status: number;
  /** Seconds from the receiver's `Retry-After`, when it sent one. */
  retryAfter?: number;
}

/**
 * Carries bytes. Signing, schedule and outbox stay in the core. Resolves with whatever status came back,
 * never follows a redirect, rejects when no answer came, and stops at once when `signal` aborts.
 */
export type WebhookTransport = (delivery: WebhookRequest, signal: AbortSignal) => Promise<WebhookResponse>;
