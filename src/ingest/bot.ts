import type { Context, Labelled, Recognised } from "./stages.ts";

/** Why a hit is taken for a bot's. Labels, never deletes: a label can be recomputed, a deleted hit cannot. */
export function botReasons(botAgent: boolean, webdriver: boolean | undefined): string[] | undefined {
  if (!botAgent && webdriver !== true) return undefined;
  const reasons: string[] = [];
  if (botAgent) reasons.push("user agent");
  if (webdriver === true) reasons.push("webdriver");
  return reasons;
}

export function labelBot(hit: Recognised, { input }: Context): Labelled {
  const labelled = hit as Labelled;
  labelled.bot = botReasons(hit.botAgent, input.webdriver);
  return labelled;
}
