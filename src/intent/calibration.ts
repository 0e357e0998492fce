/**
 * The weights of the intent score, and where they come from.
 *
 * Positive evidence adds up to `P`, negative evidence to `N`, and
 * `score = 100 · (e^P − 1) / (e^P − 1 + e^N)`: without negatives that is `100 · (1 − e^−P)`. Each kind of evidence
 * saturates (`weight · x / (x + half)`) and `x` halves with every half-life that passes.
 *
 * Fitted: `engagement`, `FULL_ATTENTION_SECONDS`, `BOUNCE`, `ACCOUNT_SOFTENS`, `ABOUT_SOFTENS`, and by them `pages`,
 * `product` and `ATTENTION`, on 6,170 sessions of a real shop of which 15.7 % ended in a purchase ("Online Shoppers
 * Purchasing Intention", C. O. Sakar and Y. Kastro, UCI, 2018, CC BY 4.0), replayed as traffic, by the area under the
 * ROC curve (AUC). A grid over the fitted six, chosen on four fifths and measured on the other, four times over: 0.713
 * held out (the kinds of evidence themselves were chosen on all of them); a logistic regression on the logarithms of the same columns: 0.698. The optimum is flat (0.710–0.713), so
 * among its round numbers those were taken that keep the stories told in the tests true and leave "high" to the upper
 * fourth of the sessions. All other weights are judgement: that data has no cart, and no more of a visitor's past than
 * that there was some, replayed as a bounced visit. `test/intent/shop-sessions.test.ts` measures anew.
 */

/** `weight`: most that this evidence can add to P. `half`: the amount that brings half of it. */
export interface Weight {
  weight: number;
  half: number;
}

export const WEIGHTS = {
  /** Attention seconds. The best single sign there is (alone 0.68), and it saturates: alone at most 77 of 100. */
  engagement: { weight: 1.45, half: 145 },
  /** Pageviews. Little beyond what the time on them says already. */
  pages: { weight: 0.1, half: 3 },
  /** Looks at product pages: likewise, and a page that was only opened is still a choice. */
  product: { weight: 0.08, half: 4 },
  /** Who asks for the price compares. */
  pricing: { weight: 0.35, half: 1 },
  /** Cart pages and events. One brings 0.53: alone just medium. */
  cart: { weight: 0.8, half: 0.5 },
  /** Checkout pages and events. One brings 0.93: with a cart, high. */
  checkout: { weight: 1.3, half: 0.4 },
  /** Past purchases: who bought once buys again more readily than a stranger. */
  purchase: { weight: 0.9, half: 1 },
  /** Sign-ups, trials, demos, wish lists, contact requests: one step before the cart. */
  lead: { weight: 0.6, half: 0.5 },
  /** Any other custom event: the visitor does things here. */
  events: { weight: 0.2, half: 3 },
  /** Looks at a thing beyond the first: weighing a decision. */
  repeats: { weight: 0.25, half: 2 },
  /** Things seen in an earlier visit and again in a later one: the interest outlived the visit. */
  wentBack: { weight: 0.35, half: 1 },
  /** log10(1 + value) of the dearest thing looked at: currencies differ, so only its order of magnitude counts. */
  value: { weight: 0.2, half: 3 },
  /** Earlier visits that were not bounces. */
  returning: { weight: 0.3, half: 1 },
  /** Days with a visit, beyond the first, bounces taken off. Days say more than pages: interest that lasts. */
  days: { weight: 0.4, half: 2 },
} satisfies Record<string, Weight>;

/** P of having been here before at all. Small: in the fitted shop returning visitors buy less often (14 % to 25 %). */
export const RETURNING_BASE = 0.03;

/** Earlier visits that came to nothing: N is twice `weight` at most, `weight` at one bounced visit. */
export const BOUNCE: Weight = { weight: 0.9, half: 1 };

/**
 * Account pages divide N by up to `1 + weight`: a returning visitor who uses an account is a customer (20 % bought),
 * one who only looks again is not (7 %). A new visitor's account pages say nothing, and have no N to divide.
 */
export const ACCOUNT_SOFTENS: Weight = { weight: 1, half: 0.3 };
/** Likewise for pages about the shop, delivery or help, which a returning visitor reads before buying: a little. */
export const ABOUT_SOFTENS: Weight = { weight: 0.2, half: 0.3 };

/** A visit of one pageview counts as bounced in full at 0 s engaged, half at this many: no cliff at one second. */
export const SHALLOW_HALF_SECONDS = 30;

/**
 * Engaged seconds of one pageview count in full up to here, then as good as no more (see `attentionSeconds`): a tab
 * left open is not twice the interest.
 */
export const FULL_ATTENTION_SECONDS = 90;

/** What is left of one pageview's engaged seconds: 60 of 60, 90 of 90, 97 of 180, 120 of 1,800. */
export function attentionSeconds(seconds: number): number {
  const full = FULL_ATTENTION_SECONDS;
  return seconds <= full ? seconds : full + 10 * Math.log(seconds / full);
}

/** Share of a page's attention that counts, by kind. Account and about pages hardly told buyers apart. */
export const ATTENTION = { product: 1, pricing: 1, cart: 1, checkout: 1, other: 0.8, account: 0.1, about: 0.1 };

/** Days until evidence counts half. */
export const HALF_LIFE_DAYS = {
  /** Pages, attention and ordinary events: last week's reading. */
  browsing: 7,
  /** Carts go stale sooner than interest does. */
  commitment: 5,
  /** Being a returning visitor, days, repeated looks, value. */
  presence: 21,
  /** A customer stays one for long. */
  purchase: 60,
};

/** Attention seconds from which the factor is called "High engagement". */
export const HIGH_ENGAGEMENT_SECONDS = 60;

/** Minutes after which a visit is over and may count as bounced. */
export const VISIT_OVER_MINUTES = 30;

/** Points from which a positive contribution is named among the factors. */
export const MIN_FACTOR_POINTS = 1;
