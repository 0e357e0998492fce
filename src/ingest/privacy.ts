import type { Drop } from "../event.ts";
import type { Consented, Context, Located } from "./stages.ts";

/** What `Sec-GPC: 1` does. */
export type GpcMode = "count" | "drop" | "ignore";

/**
 * The step for Global Privacy Control. The header is read here too, so that an old cached script cannot evade it:
 * "count" counts the hit under a daily hash, without stored id, fingerprint, user or webhooks.
 */
export function createPrivacyStep(options: { gpc?: GpcMode } = {}): (hit: Located, context: Context) => Consented | Drop {
  const mode = options.gpc ?? "count";
  return (hit, { facts }) => {
    const consented = hit as Consented;
    consented.private = mode !== "ignore" && facts.header("sec-gpc") === "1";
    if (consented.private && mode === "drop") return { drop: "opt_out" };
    return consented;
  };
}
