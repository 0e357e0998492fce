import type { Context, Timed, Witnessed } from "./stages.ts";

/** Longer user agents are cut: parsers look no further, and a hostile one must not cost time. */
const MAX_USER_AGENT = 512;

/** Not `Sec-Fetch-Mode`: Node's own `fetch` sends that too. */
const BROWSER_HEADERS = ["origin", "sec-fetch-site", "sec-fetch-dest"];

/**
 * Whose address and user agent these are. With the write key the sender is the visitor's browser, and only what
 * the server sees itself counts. With the secret key it is the host's server, whose own user agent (`curl`,
 * `node`: both bots) and address say nothing of the visitor, unless a browser's headers show otherwise.
 */
export function takeWitness(hit: Timed, { input, facts }: Context): Witnessed {
  const witnessed = hit as Witnessed;
  const { trust } = facts;
  const trusted = trust !== "write";
  // an in-process caller hands over the visitor's own headers, or none
  const own = trust !== "secret" || BROWSER_HEADERS.some((name) => facts.header(name) !== undefined);
  const saidIp = trusted ? input.ip : undefined;
  const saidAgent = trusted ? input.userAgent : undefined;
  const userAgent = saidAgent ?? (own ? facts.header("user-agent") : undefined);
  witnessed.userAgent = userAgent === undefined || userAgent === "" ? undefined : userAgent.slice(0, MAX_USER_AGENT);
  witnessed.ip = saidIp ?? (own ? facts.ip : undefined);
  witnessed.ownRequest = own && saidIp === undefined;
  witnessed.acceptLanguage = own ? facts.header("accept-language") : undefined;
  return witnessed;
}
