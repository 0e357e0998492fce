import type { Clock } from "../clock.ts";
import { AnalyticsError } from "../errors.ts";
import type { FixedWindow } from "../rate-limit/fixed-window.ts";
import type { RateLimiter, RateVerdict } from "../rate-limit/limiter.ts";
import type { Site } from "../site.ts";
import { planLimit } from "../site.ts";
import type { Recognised } from "./auth.ts";
import type { Call } from "./call.ts";

/** Telemetry requests a minute and client network with a write key. */
export const DEFAULT_PER_NETWORK = 600;

export interface QuotaParts {
  /** Per key: the plan. */
  limiter: RateLimiter;
  /** Per site and client network, write keys only. */
  networks: FixedWindow;
  perNetwork?: number;
  now: Clock;
}

export interface Quota {
  /** Counts a request and puts the `X-RateLimit-*` headers on the call. Answers how to refuse, when it is to be. */
  count(call: Call, site: Site, key: Recognised, network: string | undefined): Refusal | Promise<Refusal>;
}

export type Refusal = AnalyticsError | undefined;

/** The limits of a recognised key. A request that its network may not send does not use up the key's. */
export function createQuota({ limiter, networks, perNetwork = DEFAULT_PER_NETWORK, now }: QuotaParts): Quota {
  function settle(call: Call, verdict: RateVerdict, limit: number, policy: "key" | "network"): Refusal {
    const effective = verdict.limit ?? limit;
    const seconds = Math.max(1, Math.ceil((verdict.resetAt - now()) / 1_000));
    call.headers.push(
      ["x-ratelimit-limit", String(effective)],
      ["x-ratelimit-remaining", String(verdict.remaining)],
      ["x-ratelimit-reset", String(Math.ceil(verdict.resetAt / 1_000))],
      // draft-ietf-httpapi-ratelimit-headers-10
      ["ratelimit-policy", `"${policy}";q=${effective};w=60`],
      ["ratelimit", `"${policy}";r=${verdict.remaining};t=${seconds}`],
    );
    if (verdict.allowed) return undefined;
    return new AnalyticsError("RATE_LIMIT_EXCEEDED", "Rate limit exceeded", { retryAfter: seconds });
  }

  return {
    count(call, site, key, network) {
      if (key.trust === "write" && network !== undefined) {
        const verdict = networks.consume(`${network} ${site.id}`, perNetwork);
        if (!verdict.allowed) return settle(call, verdict, perNetwork, "network");
      }
      const limit = planLimit(site);
      const verdict = limiter.consume(key.window, limit);
      if ("then" in verdict) return verdict.then((late) => settle(call, late, limit, "key"));
      return settle(call, verdict, limit, "key");
    },
  };
}
