import { createHash } from "node:crypto";
import type { DailyIds } from "../identity/fingerprint.ts";
import { fingerprintOf } from "../identity/fingerprint.ts";
import { createId } from "../ids.ts";
import type { Consented, Context, Identified } from "./stages.ts";

const ID_CHARS = 22; // 132 bits

/** The id of a signed-in user for whom the host's server names no visitor: the same one each time. */
function userVisitorId(siteId: string, userId: string): string {
  const digest = createHash("sha256").update(`user\n${siteId}\n${userId}`).digest("base64url");
  return `vis_${digest.slice(0, ID_CHARS)}`;
}

/**
 * The step that says who it is, by the strongest evidence there is: the client's id, the host's user, a hash of
 * the day, else a random id. Waits only for the first daily salt.
 */
export function createVisitorStep(daily: DailyIds): (hit: Consented, context: Context) => Identified | Promise<Identified> {
  function byDay(hit: Identified, { site }: Context): Identified | Promise<Identified> {
    if (hit.ip === undefined || hit.userAgent === undefined) return settle(hit, undefined);
    const id = daily.idOf(site.id, { ip: hit.ip, userAgent: hit.userAgent, language: hit.acceptLanguage });
    return typeof id === "string" || id === undefined ? settle(hit, id) : id.then((made) => settle(hit, made));
  }

  return (hit, context) => {
    const identified = hit as Identified;
    const { input, facts, site } = context;
    identified.quality = undefined;
    if (hit.private) return byDay(identified, context);
    if (input.type === "pageview") identified.quality = fingerprintOf(input);
    // with the public key anybody could claim to be that user
    const user = facts.trust === "write" ? undefined : input.userId;
    if (input.visitorId === undefined && user === undefined) return byDay(identified, context);
    identified.visitorId = input.visitorId ?? userVisitorId(site.id, user as string);
    identified.tier = user === undefined ? "client" : "user";
    return identified;
  };
}

function settle(hit: Identified, dailyId: string | undefined): Identified {
  hit.visitorId = dailyId ?? createId("vis");
  hit.tier = dailyId === undefined ? undefined : "daily";
  return hit;
}
