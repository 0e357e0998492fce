import { createHash } from "node:crypto";

const ID_CHARS = 24;
const MAX_KNOWN = 10_000;
const known = new Map<string, string>();

/** A digest of an endpoint's URL, stable over restarts: 24 hex characters, safe in a storage key. */
export function endpointId(url: string): string {
  let id = known.get(url);
  if (id === undefined) {
    id = createHash("sha256").update(url).digest("hex").slice(0, ID_CHARS);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(url, id);
  }
  return id;
}

/** For logs and hooks: the URL without user info, query and fragment, where people put tokens. */
export function toLoggableUrl(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return "(not a URL)";
  }
}
