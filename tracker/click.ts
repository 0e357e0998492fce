import { clean } from "./address.ts";
import { on } from "./guard.ts";
import { mask } from "./mask.ts";
import { trackEvent } from "./queue.ts";

/**
 * A click or a submit: what it was on, and never what was typed. `$click`, `$submit` and `$rage` get their names
 * from the server, which knows a download from another link, and the name that the element itself brings.
 */
const acted = (event: MouseEvent) => {
  const submit = event.type == "submit";
  // through open shadow roots
  const path = event.composedPath() as HTMLElement[];
  const find = (selector: string) => path.find((element) => element.matches?.(selector));
  // the fourth click in a row on one spot; three select a paragraph
  const rage = event.detail == 4;
  const known = find(submit ? "form" : "[data-wysleap-event]:not(form)") || find("a[href],button");
  const element = known || path[0]!;
  if (event.button > 1 || !(known || rage)) return;
  // attributes, because a field named "href" or "id" hides a form's own property
  const { href, id, download } = element.attributes as NamedNodeMap & Record<"id" | "href" | "download", Attr | undefined>;
  const data: Record<string, unknown> = {
    url: href && clean(href.value),
    id: id?.value,
    download: download?.value,
    text: submit || rage ? undefined : mask(element.textContent!.trim().slice(0, 80)),
  };
  for (const key in element.dataset) if (/wysleap/.test(key)) data[key] = element.dataset[key];
  trackEvent("$" + (rage ? "rage" : event.type), data);
};

export const watchClicks = () => on("click auxclick submit", acted);
