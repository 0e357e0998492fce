/**
 * What a bundle may leave out, and what it costs in bytes gzipped. The budget of 2,500 does not hold them all:
 * those set to `false` are written and tested, but not in the default bundle.
 */
export const PARTS = {
  dnt: false,
  domains: false,
  exclude: false,
  downloads: false,
  expiry: false,
  hash: false,
  middleClick: false,
  navigationApi: false,
  rage: false,
  retryAfter: false,
  signals: false,
  siteInUrl: false,
  unwrap: false,
  warn: false,
};
export type Part = keyof typeof PARTS;

declare global {
  /** Replaced by true or false when bundled. */
  const PART: Record<Part, boolean>;
}
