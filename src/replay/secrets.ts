/** Digits as people group them: card numbers are looked for in these. */
const DIGIT_GROUPS = /\d(?:[ .\-\u00a0\u2009]?\d){12,80}/g;
const CARD_LENGTH = { min: 13, max: 19 };
/** What looks like a secret whatever it stands in. Each is masked as a whole, or its group 2 where it has one. */
const SECRETS = [
  /\beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*/g, // JWT
  /\b(?:sk|pk|rk|whsec|ghp|gho|ghs|github_pat|xox[abprs]|glpat|npm|AKIA|ASIA|AIza)[-_]?[A-Za-z0-9_-]{16,}/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*/g,
  /\b\d{3}-\d{2}-\d{4}\b/g, // US social security number
  /(\bBearer\s+)([\w.~+/-]{8,}=*)/gi,
  /(\b(?:pass(?:word|wd|code|phrase)?|passwort|pwd|secret|token|api[-_ ]?key|otp|pin|cvv|cvc)["']?\s*[:=]\s*["']?)([^\s"'<>&,;*]+)/gi,
];
/** Digits that may become a card number, grouped as anybody types them: one typed key by key is stored at every key. */
const TYPED_DIGITS = /\d(?:[\s./_\u2010-\u2015-]*\d){6,}/g;
/** How keys and tokens begin, and what of them is typed so far. */
const TYPED_KEY = /\b(?:(?:sk|pk|rk|whsec|ghp|gho|ghs|github_pat|xox[abprs]|glpat|npm)[-_]|AKIA|ASIA|AIza|eyJ|[Bb]earer\s)\s*\S*/g;
/** A one-time code, when it is all that was typed. */
const ONE_TIME_CODE = /^\s*\d{3}[ -]?\d{1,5}\s*$/;

const stars = (text: string) => text.replace(/\S/g, "*");

/** Text without card numbers and what looks like a secret: the second look, whatever the browser masked. */
export function hideSecrets(text: string): string {
  return text.length < 8 ? text : hideWhole(text);
}

/** Text in which `[email]` stands for e-mail addresses: a page's address or title. */
export function hideEmails(text: string): string {
  return text.replace(/[^\s/]+(?:@|%40)[^\s/]+/gi, "[email]");
}

/** What was typed into a field: a bare code is hidden too, and what may become a card number or a key. */
export function hideTyped(text: string): string {
  if (ONE_TIME_CODE.test(text)) return stars(text);
  return hideWhole(text.replace(TYPED_DIGITS, stars).replace(TYPED_KEY, stars));
}

function hideWhole(text: string): string {
  let clean = /\d{3}/.test(text) ? text.replace(DIGIT_GROUPS, hideCards) : text;
  for (const pattern of SECRETS) {
    clean = clean.replace(pattern, (whole: string, lead?: unknown, value?: unknown) =>
      typeof lead === "string" && typeof value === "string" ? lead + stars(value) : stars(whole),
    );
  }
  return clean;
}

/** Hides the runs of whole groups that are a card number together. */
function hideCards(run: string): string {
  const groups = [...run.matchAll(/\d+/g)].map((match) => ({ at: match.index, text: match[0] }));
  let hidden = run;
  for (let first = 0; first < groups.length; first++) {
    let digits = "";
    for (let last = first; last < groups.length && digits.length <= CARD_LENGTH.max; last++) {
      digits += groups[last]!.text;
      if (!isCard(digits)) continue;
      const end = groups[last]!.at + groups[last]!.text.length;
      hidden = hidden.slice(0, groups[first]!.at) + stars(hidden.slice(groups[first]!.at, end)) + hidden.slice(end);
    }
  }
  return hidden;
}

/** ISO/IEC 7812: issuers of payment cards begin with 2 to 6, the last digit is Luhn's. */
function isCard(digits: string): boolean {
  if (digits.length < CARD_LENGTH.min || digits.length > CARD_LENGTH.max || !/^[2-6]/.test(digits)) return false;
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at]);
    sum += at % 2 === 0 ? digit : digit * 2 - (digit > 4 ? 9 : 0);
  }
  return sum % 10 === 0;
}
