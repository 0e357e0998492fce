import { anyOf, hasHashRouting, tag } from "./config.ts";
import { mask } from "./mask.ts";

/** A URL without what may be personal: of the query stays what is kept, and no e-mail address. */
export const clean = (href = location.href) => {
  const url = new URL(href, document.baseURI);
  url.search = (url.search.match(FULL ? RegExp(`(?<=[?&])${anyOf("utm_\\w+," + tag.keepQuery)}=[^&]*`, "g") : /\butm_\w+=[^&]*/g) || []).join("&");
  url.hash = hasHashRouting ? url.hash.split("?")[0]! : "";
  return mask(url.href);
};
