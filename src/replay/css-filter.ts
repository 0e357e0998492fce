/** Pictures may be embedded: they are the only `data:` that is kept. */
export const EMBEDDED_PICTURE = /^\s*data:image\/(?:png|jpe?g|gif|webp|avif|svg\+xml)[;,]/i;

/** An escape that spells a letter, a digit or what opens a function or scheme; icons (`\f101`) and `\:` stay as they are. */
const ESCAPE = /\\(?:([0-9a-f]{1,6})[ \t\n\r\f]?|([g-z]))/gi;
/** `url(` up to its end, or to the end of the text where it has none. */
const URL_TOKEN = /\burl\(\s*(?:"((?:[^"\\\n]|\\[\s\S])*)"?|'((?:[^'\\\n]|\\[\s\S])*)'?|([^)]*?))\s*(?:\)|$)/gi;
/** At-rules and functions that fetch or run: renamed, so that a browser skips them. */
const FETCHES = /@import|@namespace|@charset|(?:-webkit-|-moz-)?image-set\(|\b(?:src|image|cross-fade|-webkit-cross-fade|expression|url-prefix)\(|-moz-binding|\bbehavior\s*:|javascript:/gi;

/** CSS that fetches nothing: no `@import`, no `url()` but fragments and embedded pictures, nothing that runs. */
export function filterCss(css: string): string {
  let clean = css;
  if (clean.includes("\\")) clean = clean.replace(ESCAPE, unescapeLetter);
  clean = clean.replace(FETCHES, "x-removed ");
  if (!/url/i.test(clean)) return clean;
  return clean.replace(URL_TOKEN, (_, double?: string, single?: string, bare?: string) => {
    const target = (double ?? single ?? bare ?? "").trim();
    const isLocal = target.startsWith("#") || (EMBEDDED_PICTURE.test(target) && !/["\n\\]/.test(target));
    return isLocal ? `url("${target}")` : "none";
  });
}

function unescapeLetter(escape: string, hex: string | undefined, letter: string | undefined): string {
  if (letter !== undefined) return letter;
  const code = Number.parseInt(hex!, 16);
  const text = code > 31 && code < 127 ? String.fromCharCode(code) : "";
  return /[a-z0-9(:@/-]/i.test(text) ? text : escape;
}
