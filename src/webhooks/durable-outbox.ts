import { silentReporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { type CarryPlan, createLedger, type SegmentOwed } from "./ledger.ts";
import type { Outbox, OutboxOptions } from "./outbox.ts";
import { createOutbox } from "./outbox.ts";
import type { Delivery } from "./payload.ts";

/** The journal in whose segments deliveries are stored. */
export interface OwedJournal {
  guard: Guard;
  /** This process's id among those on one storage. */
  writer: string;
  /** What one of its segments holds; `undefined` when it is gone. */
  owedIn(n: number): Promise<SegmentOwed[] | undefined>;
}

export interface DurableOutbox extends Outbox {
  /** For the journal: what its segments hold is sent, and survives them. */
  keeper: {
    stored(n: number, owed: SegmentOwed[]): void;
    fold(writer: string, n: number, owed: () => SegmentOwed[]): void;
    carry(plan: CarryPlan): Promise<void>;
  };
  /** Stores and takes deliveries that belong to no new event. */
  put(deliveries: Delivery[]): Promise<void>;
}

/** An outbox whose deliveries survive this process: they lie in the journal, and how far they are is noted beside it. */
export function createDurableOutbox(options: Omit<OutboxOptions, "ledger">, journal: OwedJournal): DurableOutbox {
  const { reporter = silentReporter } = options;
  const ledger = createLedger({ ...journal, reporter });
  const outbox = createOutbox({ ...options, ledger });
  return {
    ...outbox,
    keeper: {
      stored: (n, owed) => outbox.enqueue(ledger.stored(n, owed)),
      fold: ledger.fold,
      async carry(plan) {
        const { erased, ...taken } = await ledger.carry(plan);
        outbox.drop(erased);
        outbox.resume(taken);
      },
    },
    async put(deliveries) {
      await ledger.put(deliveries);
      outbox.enqueue(deliveries);
    },
    async close(deadlineMs) {
      const left = await outbox.close(deadlineMs);
      await ledger.flush().catch((error: unknown) => reporter.report("warn", "close", "the state of webhooks was not written; some may be sent again", error));
      return left;
    },
  };
}
