/** The URL that a text stands for, or undefined. (`URL.parse` is missing in early Node 20.) */
export function toUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
