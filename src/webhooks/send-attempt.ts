import type { Outcome } from "./schedule.ts";
import type { StartTimer } from "./timer.ts";
import type { WebhookRequest, WebhookTransport } from "./transport.ts";

/** An attempt that takes longer has failed, whatever comes of it later. */
export const ATTEMPT_TIMEOUT_MS = 15_000;

/** One attempt in flight. `outcome` never rejects; `undefined`: it was cancelled, or its request could not be made. */
export interface Flight {
  outcome: Promise<Outcome | undefined>;
  cancel(): void;
}

/** Hands the bytes to the transport and waits for an answer, 15 s at most, even when the transport forgets to stop. */
export function sendAttempt(transport: WebhookTransport, toRequest: () => WebhookRequest | Promise<WebhookRequest | undefined>, startTimer: StartTimer): Flight {
  const controller = new AbortController();
  let end: (outcome: Outcome | undefined) => void = () => {};
  const outcome = new Promise<Outcome | undefined>((resolve) => {
    end = resolve;
  });
  const stop = (result: Outcome | undefined) => {
    end(result);
    controller.abort();
  };
  const stopTimer = startTimer(() => stop({ result: "unanswered", reason: "timeout" }), ATTEMPT_TIMEOUT_MS);
  answerOf(transport, toRequest, controller.signal)
    .catch((error: unknown): Outcome => ({ result: "unanswered", reason: reasonOf(error) }))
    .then((answer) => {
      stopTimer();
      end(answer);
    });
  return {
    outcome,
    cancel() {
      stopTimer();
      stop(undefined);
    },
  };
}

// async, so that what a transport throws at once is an outcome like any other
async function answerOf(
  transport: WebhookTransport,
  toRequest: () => WebhookRequest | Promise<WebhookRequest | undefined>,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const made = toRequest();
  const request = made instanceof Promise ? await made : made;
  if (!request || signal.aborted) return undefined;
  const { status, retryAfter } = await transport(request, signal);
  return { result: "answered", status, ...(retryAfter !== undefined && { retryAfter }) };
}

/** A short word for the log: the error's code, else its name; never its message, which may hold the URL. */
function reasonOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code.slice(0, 64) : typeof name === "string" ? name.slice(0, 64) : "error";
}
