/** What password fields held, in this page's memory only: the last ones. */
const MAX_HELD = 20;
/** Shorter ones are within many a word: only a field that holds just that shows it. */
const MIN_WITHIN = 3;

/** Fields that held a password once, and how they were called: a page may put another one in their place. */
const once = new WeakSet<Element>();
const names = new Set<string>();
/** The last one in a place, by what is around it: what takes its place may have no name and hold nothing yet. */
const places = new WeakMap<Node, Element>();
/** Fields that stood there with it. */
const beside = new WeakSet<Element>();
const own = new WeakMap<Element, { text: string }>();
let held: { text: string }[] = [];

/** A password that is typed on, or taken back, is one. */
const hold = (field: Element, text: string) => {
  if (!text) return;
  const last = own.get(field);
  if (last && held.includes(last) && (text.startsWith(last.text) || (text.length >= MIN_WITHIN && last.text.startsWith(text)))) last.text = text;
  else {
    const one = { text };
    own.set(field, one);
    held = [...held, one].slice(-MAX_HELD);
  }
};

const isHeld = (value: string): boolean => held.some(({ text }) => value == text || (text.length >= MIN_WITHIN && value.includes(text)));

const standsInPlace = (field: HTMLInputElement): boolean => {
  const { name, id, parentNode } = field;
  const before = parentNode && places.get(parentNode);
  if (!before || name || id) return false;
  if (before.parentNode == parentNode) beside.add(field);
  return !beside.has(field);
};

/** Whether a field holds a password, or held or shows one that was typed into another field. */
export const isPassword = (field: HTMLInputElement): boolean => {
  const { type, name, id, parentNode } = field;
  const value = field.value || "";
  const isOne = type == "password" || field.hasAttribute("data-rr-is-password");
  if (isOne) {
    if (name) names.add(name);
    if (id) names.add(id);
  }
  if (isOne || standsInPlace(field) || isHeld(value)) once.add(field);
  if (!once.has(field)) return names.has(name) || names.has(id);
  if (parentNode) places.set(parentNode, field);
  hold(field, value);
  return true;
};
