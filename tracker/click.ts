import { clean, mask } from "./address.ts";
import { on } from "./guard.ts";
import { trackEvent } from "./queue.ts";

const FILE = /\.(pdf|docx?|xlsx?|pptx?|csv|zip|rar|7z|gz|dmg|exe|msi|apk|mp[34])$/i;

/** A click or a submit: what it was on, and never what was typed. */
const acted = (event: Event) => {
  const { button, detail } = event as MouseEvent;
  const target = event.target as HTMLElement;
  const submit = event.type == "submit";
  // the fourth click in a row on one spot; three select a paragraph
  if (PART.rage && detail == 4) trackEvent("Rage Click", { id: target.id });
  const element = submit
    ? target
    : target.closest<HTMLElement>("[data-wysleap-event]:not(form)") || target.closest<HTMLElement>("a[href],button");
  if (!element || (PART.middleClick && button > 1)) return;
  // attributes, because a field named "href" or "id" hides a form's own property
  const { href, download } = element.attributes as NamedNodeMap & Record<"href" | "download", Attr | undefined>;
  const url = href && clean(href.value);
  const data: Record<string, unknown> = {
    id: element.id,
    url,
    text: submit ? undefined : mask(element.textContent!.trim().slice(0, 80)),
  };
  const { wysleapEvent, ...props } = element.dataset;
  if (wysleapEvent) {
    for (const key in props) {
      key.replace(/^wysleap(.)(.*)/, (_, first, rest) => (data[first.toLowerCase() + rest] = props[key]!));
    }
  }
  trackEvent(
    wysleapEvent ||
      (submit
        ? "Form Submitted"
        : !url
          ? "Button Clicked"
          : PART.downloads && (download || FILE.test(url))
            ? "File Downloaded"
            : url.indexOf(location.origin)
              ? "Outbound Link Clicked"
              : "Link Clicked"),
    data,
  );
};

export const watchClicks = () => on(PART.middleClick ? "click auxclick submit" : "click submit", acted);
