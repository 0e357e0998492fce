import { isUtf8 } from "node:buffer";
import { AnalyticsError } from "../errors.ts";

export type JsonObject = Record<string, unknown>;

/** Levels of nesting that a body may have; what comes after may recurse. */
export const MAX_DEPTH = 32;

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

function invalid(message: string, cause?: unknown): AnalyticsError {
  return new AnalyticsError("VALIDATION_ERROR", message, { cause });
}

/** UTF-8 as text; a byte order mark is dropped, broken UTF-8 is a 400. */
export function decodeUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw invalid("The request body is not valid UTF-8");
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return bytes.toString("utf8", hasMark ? 3 : 0);
}

/** A JSON object, at most 32 levels deep, without keys that reach a prototype. `onPoison` hears of those. */
export function parseJson(text: string, onPoison: () => void): JsonObject {
  if (text.length === 0) throw invalid("The request body is empty; send a JSON object");
  if (isDeep(text)) throw tooDeep();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid("The request body is not valid JSON", cause);
  }
  const object = toObject(value);
  // an escape may spell any key
  if (text.includes("__proto__") || text.includes("constructor") || text.includes("\\u00")) {
    if (removePoison(object)) onPoison();
  }
  return object;
}

/** The same for a value that the host has parsed; the host's own object stays as it is. */
export function adoptJson(value: unknown, onPoison: () => void): JsonObject {
  const object = toObject(value);
  if (!inspect(object)) return { ...object };
  const copy = JSON.parse(JSON.stringify(object)) as JsonObject;
  if (removePoison(copy)) onPoison();
  return copy;
}

function toObject(value: unknown): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw invalid("The request body must be a JSON object");
}

function tooDeep(): AnalyticsError {
  return invalid(`The request body is nested deeper than ${MAX_DEPTH} levels`);
}

/** Reads the text only when it has enough brackets to be deep. */
function isDeep(text: string): boolean {
  return countOf(text, "{") + countOf(text, "[") > MAX_DEPTH && depthOf(text) > MAX_DEPTH;
}

function countOf(text: string, bracket: string): number {
  let count = 0;
  for (let at = text.indexOf(bracket); at !== -1 && count <= MAX_DEPTH; at = text.indexOf(bracket, at + 1)) count++;
  return count;
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let at = 0; at < text.length && deepest <= MAX_DEPTH; at++) {
    const code = text.charCodeAt(at);
    if (isInString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) isInString = false;
    } else if (code === QUOTE) isInString = true;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth++;
      if (depth > deepest) deepest = depth;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
  }
  return deepest;
}

/** Whether a key reaches a prototype. Throws when the value is too deep; so it needs no end of its own. */
function inspect(value: object, depth = 1): boolean {
  if (depth > MAX_DEPTH) throw tooDeep();
  let isPoisoned = false;
  for (const key of Object.keys(value)) {
    if (key === "__proto__" || key === "constructor") isPoisoned = true;
    const child = (value as JsonObject)[key];
    if (typeof child === "object" && child !== null && inspect(child, depth + 1)) isPoisoned = true;
  }
  return isPoisoned;
}

/** Removes `__proto__`, and `constructor` that holds a `prototype`, at every level. Says whether there was one. */
function removePoison(value: object): boolean {
  let isFound = false;
  const open: object[] = [value];
  for (let next = open.pop(); next; next = open.pop()) {
    for (const key of Object.keys(next)) {
      const child: unknown = Object.getOwnPropertyDescriptor(next, key)?.value;
      const isObject = typeof child === "object" && child !== null;
      if (key === "__proto__" || (key === "constructor" && isObject && Object.hasOwn(child, "prototype"))) {
        delete (next as JsonObject)[key];
        isFound = true;
      } else if (isObject) open.push(child);
    }
  }
  return isFound;
}
