import { isIP } from "node:net";
import * as v from "valibot";
import { CLIENT_ID } from "../ids.ts";
import { cutText, toCleanText } from "./text.ts";

/**
 * The kinds of field a client may send. A message completes "<field> …", so that every 400 names the field
 * and the rule. Each is one check and at most one transform: they run for every hit.
 */

const MAX_URL = 2_048;
const MAX_INTEGER = 100_000;
const MAX_AMOUNT = 1e12;
const MAX_USER_ID = 128;
const MAX_TIME_TEXT = 40;
/** The largest time a `Date` can hold. */
const MAX_TIME_MS = 8.64e15;
const MAX_LANGUAGES = 10;
const MAX_LANGUAGE = 35;

const ID_RULE = "must be 1 to 128 characters of [A-Za-z0-9_.:-]";
const URL_RULE = "must be an http or https URL";
const TIME_RULE = "must be ISO 8601 or epoch milliseconds";

export const id = v.pipe(v.string(ID_RULE), v.regex(CLIENT_ID, ID_RULE));

/** Free text, cut to `max` characters. */
export const text = (max: number) =>
  v.pipe(
    v.string("must be a string"),
    v.transform((value) => cutText(value, max)),
  );

export const integer = (max = MAX_INTEGER) => {
  const rule = `must be an integer from 0 to ${max}`;
  return v.pipe(
    v.number(rule),
    v.check((value) => Number.isInteger(value) && value >= 0 && value <= max, rule),
  );
};

export const number = (max: number) => {
  const rule = `must be a number from 0 to ${max}`;
  return v.pipe(
    v.number(rule),
    v.check((value) => value >= 0 && value <= max, rule),
  );
};

export const engagedSeconds = number(MAX_INTEGER);

const AMOUNT_RULE = `must be a number from -${MAX_AMOUNT} to ${MAX_AMOUNT}`;
export const amount = v.pipe(
  v.number(AMOUNT_RULE),
  v.check((value) => Math.abs(value) <= MAX_AMOUNT, AMOUNT_RULE),
);

const CURRENCY_RULE = "must be a three-letter ISO 4217 code";
export const currency = v.pipe(
  v.string(CURRENCY_RULE),
  v.regex(/^[A-Za-z]{3}$/, CURRENCY_RULE),
  v.transform((value) => value.toUpperCase()),
);

export const flag = v.boolean("must be true or false");

/** Cutting a user id would make two people one: too long is an error. */
const USER_RULE = `must be 1 to ${MAX_USER_ID} characters`;
export const userId = v.pipe(
  v.string(USER_RULE),
  v.transform((value) => toCleanText(value.trim())),
  v.check((value) => value.length > 0 && value.length <= MAX_USER_ID, USER_RULE),
);

export const ip = v.pipe(
  v.string("must be an IP address"),
  v.check((value) => value.length <= 64 && isIP(value) !== 0, "must be an IP address"),
);

export const language = text(MAX_LANGUAGE);

export const languages = v.pipe(
  v.array(v.string("must be a list of strings"), "must be a list of strings"),
  v.transform((list) => list.slice(0, MAX_LANGUAGES).map((one) => cutText(one, MAX_LANGUAGE))),
);

const NAME_RULE = "must have at least one character";
export const eventName = v.pipe(
  v.string(NAME_RULE),
  v.transform((value) => cutText(value.trim(), 100).trim()),
  v.check((value) => value.length > 0, NAME_RULE),
);

const HTTP = /^https?:\/\//i;

export const pageUrl = v.pipe(
  v.string(URL_RULE),
  v.check((value) => value.length <= MAX_URL, `must be at most ${MAX_URL} characters`),
  v.transform((value) => toCleanText(value.trim())),
  v.check((value) => HTTP.test(value) && URL.canParse(value), URL_RULE),
);

/** What is no usable referrer counts as none: pages cannot help what their visitors came from. */
export const referrer = v.pipe(
  v.string("must be a string"),
  v.transform((value) => (value.length <= MAX_URL && HTTP.test(value) ? toCleanText(value) : undefined)),
);

const ISO_DATE = /^\d{4}-\d\d-\d\d(?:[T ]|$)/;

/** Epoch milliseconds, or NaN. */
function toEpochMs(value: string | number): number {
  if (typeof value === "number") return Math.abs(value) <= MAX_TIME_MS ? Math.trunc(value) : Number.NaN;
  return value.length <= MAX_TIME_TEXT && ISO_DATE.test(value) ? Date.parse(value) : Number.NaN;
}

export const time = v.pipe(
  v.custom<string | number>((value) => typeof value === "string" || typeof value === "number", TIME_RULE),
  v.transform(toEpochMs),
  v.check((value) => !Number.isNaN(value), TIME_RULE),
);
