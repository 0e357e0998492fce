import { tag } from "./config.ts";

/** Hides e-mail addresses, in a path or in text. */
export const mask = (text: string) => text.replace(/[^\s/?&=#]+(@|%40)[^\s/?&=#]+/gi, "[email]");

/** A URL without what may be personal: of the query only `utm_*` stays; of `mailto:` and the like only the scheme. */
export const clean = (href = location.href) => {
  const url = new URL(href, document.baseURI);
  const campaign = url.search.replace(/[?&](?!utm_)[^&]*/g, "").replace(/^&/, "?");
  const route = PART.hash && tag.hashRouting != null ? url.hash.split("?")[0]! : "";
  return url.host ? url.origin + mask(url.pathname + campaign + route) : url.protocol;
};
