/** Node 20 has it; the ES2023 types do not. */
interface WellFormed {
  isWellFormed(): boolean;
  toWellFormed(): string;
}

const NUL = "\u0000";

/** Text that every store and JSON parser takes: no NUL, no half of a surrogate pair. */
export function toCleanText(text: string): string {
  const bare = text.includes(NUL) ? text.replaceAll(NUL, "") : text;
  const checked = bare as string & WellFormed;
  return checked.isWellFormed() ? bare : checked.toWellFormed();
}

/** Clean text of at most `max` characters (code points: an emoji is not cut in half). */
export function cutText(text: string, max: number): string {
  // twice the length always holds `max` code points: a 60 KB title is not walked to its end
  const clean = toCleanText(text.length > max * 2 ? text.slice(0, max * 2) : text);
  if (clean.length <= max) return clean;
  let end = 0;
  for (let count = 0; count < max && end < clean.length; count++) end += (clean.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  return clean.slice(0, end);
}
