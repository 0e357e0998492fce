import { stars } from "./stars.ts";

/** Digits that are a card number or may become one, and what begins like a key or token: typed key by key, it is seen at every key. */
const DIGITS = /\d(?:[\s./_\u2010-\u2015-]*\d){6,}/g;
const KEY = /\b(?:(?:sk|pk|rk|whsec|ghp|gho|ghs|github_pat|xox[abprs]|glpat|npm)[-_]|AKIA|ASIA|AIza|eyJ|[Bb]earer\s)\s*\S*/g;

/** Where such a thing was typed once: taken back from its beginning it is known no more. */
const suspects = new WeakSet<Element>();

/** Text without what may become a card number, a key or a token. */
export const hideBeginnings = (text: string): string => text.replace(DIGITS, stars).replace(KEY, stars);

/** What may be shown of what was typed into a field that its page unmasks. */
export const hideTyped = (field: Element, text: string): string => {
  const shown = hideBeginnings(text);
  if (shown != text) suspects.add(field);
  return suspects.has(field) ? shown.replace(/\S+/g, (word) => (/\d/.test(word) ? stars(word) : word)) : shown;
};
