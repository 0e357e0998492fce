import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { keys } from "../storage/keys.ts";

/** Least time between two writes under load; a crash repeats what was delivered since the last. */
const GAP_MS = 1;
/** A large state is written seldomer: about a megabyte a second. */
const CHARS_PER_MS = 1_000;
const RETRY_MS = 1_000;

export interface StateWriter {
  /** Something was noted: it is written soon. */
  changed(): void;
  /** Writes the state now; rejects when storage fails. */
  write(): Promise<void>;
  /** Writes what was noted and is not written yet. */
  flush(): Promise<void>;
}

export interface StateWriterOptions {
  guard: Guard;
  writer: string;
  reporter: Reporter;
  /** The state's fields as JSON, without braces and number. */
  encode(): string;
}

/** Writes a writer's state into its two keys in turn, one write at a time, so that one is whole at any moment. */
export function createStateWriter({ guard, writer, reporter, encode }: StateWriterOptions): StateWriter {
  let n = 0;
  let dirty = false;
  let chars = 0;
  let writtenAt = -Infinity;
  let last: Promise<void> = Promise.resolve();
  let isScheduled = false;
  /** A write that failed may land yet: the same is written again before another. */
  let unwritten: { turn: number; text: string } | undefined;

  async function commit(): Promise<void> {
    if (unwritten) await put(unwritten);
    if (!dirty) return;
    dirty = false;
    n++;
    const text = `{"n":${n},${encode()}}`;
    chars = text.length;
    await put((unwritten = { turn: n % 2, text }));
  }

  async function put({ turn, text }: { turn: number; text: string }): Promise<void> {
    await guard.write(keys.outbox(writer, turn), text);
    unwritten = undefined;
    writtenAt = performance.now();
  }

  /** After whatever is being written now. */
  function inTurn(): Promise<void> {
    const mine = last.catch(() => {}).then(commit);
    last = mine;
    return mine;
  }

  /** A single note on a quiet site does not wait. */
  const gap = () => Math.max(0, writtenAt + Math.max(GAP_MS, chars / CHARS_PER_MS) - performance.now());

  function schedule(ms: number) {
    if (isScheduled) return;
    isScheduled = true;
    setTimeout(() => {
      const written = inTurn();
      written.then(
        () => {
          isScheduled = false;
          if (dirty || unwritten) schedule(gap());
        },
        (error: unknown) => {
          isScheduled = false;
          reporter.report("warn", "webhook-state", "how far webhooks are could not be stored and is tried again; a crash now would repeat some", error);
          schedule(RETRY_MS);
        },
      );
    }, ms).unref();
  }

  return {
    changed() {
      dirty = true;
      schedule(gap());
    },
    write() {
      dirty = true;
      return inTurn();
    },
    flush: inTurn,
  };
}
