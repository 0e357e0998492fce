import type { EventInput } from "../event.ts";
import { hideEmails } from "../replay/secrets.ts";
import { cutText } from "./text.ts";

const DOWNLOAD = /\.(?:pdf|docx?|xlsx?|pptx?|csv|txt|rtf|zip|rar|7z|t?gz|dmg|exe|msi|apk|pkg|deb|iso|mp[34]|wav|avi|mov|epub)$/i;

/** What the tracker recorded by itself comes as `$click`, `$auxclick`, `$submit` or `$rage`. */
export const isAutomatic = (eventName: string): boolean => AUTOMATIC.has(eventName);
const AUTOMATIC = new Set(["$click", "$auxclick", "$submit", "$rage"]);

export interface Action {
  name: string;
  data: Record<string, unknown>;
  /** A mere click; a form that was sent, or what the site gave a name, is more. */
  isClick: boolean;
}

/**
 * Reads what the tracker saw of a click or a submit: here, so that the page's script need not know it. The element's
 * `data-wysleap-*` come as they stand in its dataset: `wysleapEvent` is the site's name for it, the others are data.
 */
export function readAction(input: EventInput): Action {
  const { wysleapEvent, ...seen } = input.eventData ?? {};
  if (SCRIPT.test(text(seen["url"]) ?? "")) delete seen["url"]; // no address, and code may hold anything
  const file = text(seen["download"]);
  if (file) seen["download"] = hideEmails(file);
  const own = cutText((text(wysleapEvent) ?? "").trim(), MAX_NAME);
  const data = Object.fromEntries(
    Object.entries(seen)
      .filter(([key]) => !REPLAY_MARKS.has(key))
      .map(([key, value]) => [key.replace(/^wysleap([A-Z])/, (_, first: string) => first.toLowerCase()), value]),
  );
  return { name: own || nameOf(input, seen), data, isClick: own === "" && input.eventName !== "$submit" };
}

const REPLAY_MARKS = new Set(["wysleapMask", "wysleapUnmask", "wysleapBlock"]);
const MAX_NAME = 100;
const SCRIPT = /^\s*javascript:/i;

const text = (value: unknown) => (typeof value === "string" ? value : undefined);

function nameOf(input: EventInput, seen: Record<string, unknown>): string {
  if (input.eventName === "$submit") return "Form Submitted";
  if (input.eventName === "$rage") return "Rage Click";
  const url = text(seen["url"]);
  if (url === undefined) return "Button Clicked";
  if (text(seen["download"]) !== undefined || DOWNLOAD.test(url)) return "File Downloaded";
  return isOfSite(url, input.pageUrl) ? "Link Clicked" : "Outbound Link Clicked";
}

function isOfSite(url: string, pageUrl: string | undefined): boolean {
  try {
    return new URL(url).origin === new URL(pageUrl ?? "").origin;
  } catch {
    return false; // `mailto:` with its address hidden, say
  }
}
