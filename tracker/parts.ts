/**
 * What a bundle may leave out, and what it costs in bytes gzipped. The budget of 2,500 does not hold them all:
 * those set to `false` are written and tested, but not in the default bundle.
 */
export const PARTS = {
  /** 34: `data-respect-dnt`. */
  dnt: false,
  /** 31: `data-domains`. */
  domains: false,
  /** 61: `data-exclude`. */
  exclude: false,
  /** 87: downloads apart from other links. */
  downloads: false,
  /** 20: what waited for 48 hours is given up; without, only the 200 newest are kept. */
  expiry: false,
  /** 27: `data-hash-routing`. */
  hash: false,
  /** 17: clicks that open a tab. */
  middleClick: false,
  /** 49: the Navigation API in place of wrapping `history`. */
  navigationApi: false,
  /** 30: four clicks in a row on one spot. */
  rage: false,
  /** 65: `data-session-replay`, which loads the recorder. */
  replay: true,
  /** 28: the server's `Retry-After`; without, the pauses of our own. */
  retryAfter: false,
  /** 105: what tells browsers apart: languages, platform, cores, …. */
  signals: false,
  /** 20: `?site=` in the script's address. */
  siteInUrl: false,
  /** 24: `stop()` takes the wrapper off `history`; without, it only passes on. */
  unwrap: false,
  /** 32: one console line when the server refuses. */
  warn: false,
};
export type Part = keyof typeof PARTS;

declare global {
  /** Replaced by true or false when bundled. */
  const PART: Record<Part, boolean>;
}
