import type { Drop } from "../event.ts";

/** One step: the hit with what this step found, or why it is not counted. Waits only when it must. */
export type Step<In, Out, Context> = (hit: In, context: Context) => Out | Drop | Promise<Out | Drop>;

/** The list so far. A step that needs what no earlier step provides does not compile. */
export interface Steps<First, Last, Context> {
  step<Out extends object>(name: string, step: Step<Last, Out, Context>): Steps<First, Out, Context>;
  /** The whole list as one function: without a promise as long as no step waits. */
  end(): (hit: First, context: Context) => Last | Drop | Promise<Last | Drop>;
  /** In order. */
  names: readonly string[];
}

export function isDrop(outcome: object): outcome is Drop {
  return "drop" in outcome;
}

export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === "function";
}

type AnyStep<Context> = Step<object, object, Context>;

/** Starts a list of steps for hits of type `First`. */
export function start<First extends object, Context>(): Steps<First, First, Context> {
  return extend<First, First, Context>([], []);
}

function extend<First extends object, Last extends object, Context>(
  names: readonly string[],
  steps: readonly AnyStep<Context>[],
): Steps<First, Last, Context> {
  return {
    names,
    step: <Out extends object>(name: string, step: Step<Last, Out, Context>) =>
      extend<First, Out, Context>([...names, name], [...steps, step as unknown as AnyStep<Context>]),
    end: () => (hit, context) => run(steps, 0, hit, context) as Last | Drop | Promise<Last | Drop>,
  };
}

function run<Context>(
  steps: readonly AnyStep<Context>[],
  from: number,
  hit: object,
  context: Context,
): object | Promise<object> {
  let current = hit;
  for (let i = from; i < steps.length; i++) {
    const outcome = (steps[i] as AnyStep<Context>)(current, context);
    if (isPromise(outcome)) {
      return outcome.then((waited) => (isDrop(waited) ? waited : run(steps, i + 1, waited, context)));
    }
    if (isDrop(outcome)) return outcome;
    current = outcome;
  }
  return current;
}
