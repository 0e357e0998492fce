/** Hides e-mail addresses, in a path or in text. */
export const mask = (text: string) => text.replace(/[^\s/?&=#]+(@|%40)[^\s/?&=#]+/g, "[email]");
