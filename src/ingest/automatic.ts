import type { EventInput } from "../event.ts";

const DOWNLOAD = /\.(?:pdf|docx?|xlsx?|pptx?|csv|txt|rtf|zip|rar|7z|t?gz|dmg|exe|msi|apk|pkg|deb|iso|mp[34]|wav|avi|mov|epub)$/i;

/** What the tracker recorded by itself comes as `$click`, `$auxclick`, `$submit` or `$rage`. */
export const isAutomatic = (eventName: string): boolean => AUTOMATIC.has(eventName);
const AUTOMATIC = new Set(["$click", "$auxclick", "$submit", "$rage"]);

const text = (value: unknown) => (typeof value === "string" ? value : undefined);

/** The name that a report shows, by what was clicked on: here, so that the page's script need not know it. */
export function nameOfAutomatic(input: EventInput): string {
  if (input.eventName === "$submit") return "Form Submitted";
  if (input.eventName === "$rage") return "Rage Click";
  const url = text(input.eventData?.["url"]);
  if (url === undefined) return "Button Clicked";
  if (text(input.eventData?.["download"]) !== undefined || DOWNLOAD.test(url)) return "File Downloaded";
  return isOfSite(url, input.pageUrl) ? "Link Clicked" : "Outbound Link Clicked";
}

function isOfSite(url: string, pageUrl: string | undefined): boolean {
  try {
    return new URL(url).origin === new URL(pageUrl ?? "").origin;
  } catch {
    return false; // `mailto:` with its address hidden, say
  }
}
