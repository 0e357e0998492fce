/** Every error code a client can meet, and its HTTP status: the one table. */
export const STATUS_BY_CODE = {
  VALIDATION_ERROR: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_ENCODING: 415,
  RATE_LIMIT_EXCEEDED: 429,
  SERVER_ERROR: 500,
  UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof STATUS_BY_CODE;

export interface ErrorDetails {
  /** Seconds after which a retry makes sense; sent as `Retry-After` and, for 429, as `retryAfter`. */
  retryAfter?: number;
  /** Extra response headers, e.g. `Allow` on a 405. */
  headers?: Record<string, string>;
  /** What really went wrong. For the log only; never sent to a client. */
  cause?: unknown;
}

/**
 * The one error of this library. `message` is safe to show to a client, `cause` is for the log.
 *
 * @example
 * try { await analytics.trackEvent({ siteId: "demo" } as never) }
 * catch (error) { if (error instanceof AnalyticsError && error.code === "VALIDATION_ERROR") … }
 */
export class AnalyticsError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryAfter?: number;
  readonly headers?: Record<string, string>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "AnalyticsError";
    this.code = code;
    this.status = STATUS_BY_CODE[code];
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter;
    if (details.headers) this.headers = details.headers;
  }
}

/** Storage is down or a bound is reached: 503 with `Retry-After`, the cause only for the log. */
export function unavailable(message: string, cause?: unknown, retryAfter = 1): AnalyticsError {
  return new AnalyticsError("UNAVAILABLE", message, { retryAfter, cause });
}
