/** What a page or an event says about intent, read from its path or name: all that a host has to do is name things. */
export type PageKind = "product" | "pricing" | "cart" | "checkout" | "account" | "about" | "other";
export type EventKind = "product" | "cart" | "checkout" | "purchase" | "lead" | "other";

/** Path segments longer than any word below are not looked up. */
const MAX_WORD = 24;
/** Segments looked at from the start: `/en-gb/shop/product/42` has its word within the first four. */
const MAX_SEGMENTS = 4;

const WORDS: Record<Exclude<PageKind, "other">, string> = {
  product:
    "product products item items p dp shop store catalog catalogue category categories collection collections " +
    "produkt produkte produit produits producto productos prodotto prodotti tienda boutique",
  pricing: "pricing prices price plans preise tarifs precios prezzi",
  cart: "cart basket bag shopping-cart warenkorb panier carrito carrello",
  checkout: "checkout checkouts payment pay kasse caisse commande",
  account:
    "account accounts my-account myaccount administrative profile login log-in signin sign-in signup sign-up register " +
    "settings orders order-history wishlist konto compte cuenta",
  about:
    "about about-us informational info help faq support contact contact-us shipping returns terms privacy legal " +
    "imprint impressum careers jobs cookies",
};

const kindByWord = new Map<string, PageKind>();
for (const kind of Object.keys(WORDS) as Exclude<PageKind, "other">[]) {
  for (const word of WORDS[kind].split(" ")) kindByWord.set(word, kind);
}

const STRENGTH: Record<PageKind, number> = { other: 0, product: 1, pricing: 2, cart: 3, checkout: 4, about: 5, account: 5 };

/** The kind of page at a path. `/shop/cart` is the cart: the strongest word wins, and what stands under help is help. */
export function pageKind(path: string): PageKind {
  let found: PageKind = "other";
  let start = 1;
  for (let n = 0; n < MAX_SEGMENTS && start < path.length; n++) {
    let end = path.indexOf("/", start);
    if (end < 0) end = path.length;
    if (end > start && end - start <= MAX_WORD) {
      const kind = kindByWord.get(path.slice(start, end).toLowerCase());
      if (kind !== undefined) {
        if (STRENGTH[kind] === 5) return found === "other" ? kind : found;
        if (STRENGTH[kind] > STRENGTH[found]) found = kind;
      }
    }
    start = end + 1;
  }
  return found;
}

/** A page about one thing (`/product/42`), in contrast to a list (`/products`) or the front page. */
export function isThing(path: string, kind: PageKind): boolean {
  if (kind === "pricing") return true;
  if (kind !== "product" && kind !== "other") return false;
  const second = path.indexOf("/", 1);
  return second > 0 && second < path.length - 1;
}

const UNDONE = /remov|abandon|cancel|refund|fail|declin|empt/;
const PURCHASE =
  /purchas|\bbought\b|\bpaid\b|\b(?:order|payment|checkout|subscription)s? (?:complete|plac|paid|confirm|succe|start|creat)/;
const CHECKOUT = /check ?out|\bpayment|\bshipping info/;
const VIEWED = /\bproduct (?:view|click)|\bview(?:ed)? (?:item|product)\b/;
const CART = /\bproduct added\b|\bcart\b|\bbasket\b|\bbag\b|\bwarenkorb\b|\bpanier\b/;
const LEAD =
  /sign(?:ed)? ?up|trial|demo|quote|contact|subscri|register|wish ?list|\bsaved?\b|favou?rite|lead|newsletter|inquir|enquir/;

/**
 * What an event's name says: `Added To Cart`, `add_to_cart` and `AddToCart` are the same. An undone one
 * (`Removed From Cart`) says no more than any other event.
 */
export function eventKind(name: string): EventKind {
  const text = name.replace(/([a-z])([A-Z])|[_\-.:/]+/g, "$1 $2").toLowerCase();
  if (UNDONE.test(text)) return "other";
  // "Checkout Started" begins one; only a finished one is a purchase.
  if (CHECKOUT.test(text) && !/complet|paid|succe|confirm/.test(text)) return "checkout";
  if (PURCHASE.test(text)) return "purchase";
  if (CHECKOUT.test(text)) return "checkout";
  if (CART.test(text)) return "cart";
  if (VIEWED.test(text)) return "product";
  return LEAD.test(text) ? "lead" : "other";
}
