import { toCleanText } from "./text.ts";

const MAX_BYTES = 16 * 1024;
const MAX_KEYS = 200;
const MAX_LEVELS = 8;
/** Bytes a character can need in JSON: `\u0001` is six. */
const MAX_BYTES_A_CHARACTER = 6;
const MAX_BYTES_A_NUMBER = 25;

/** A plain copy of what a client sent as `eventData`, or the rule that it breaks. */
export type DataVerdict = { data: Record<string, unknown> } | { rule: string };

interface Count {
  keys: number;
  /** More than the JSON can have: measured exactly only when this is too large. */
  bytes: number;
  rule: string | undefined;
}

/**
 * Copies any JSON object into plain data that survives every parser: well-formed strings, no `__proto__`, no
 * `constructor` with a prototype. The walk stops at the ninth level, so nothing deep reaches `JSON.stringify`.
 */
export function parseEventData(value: unknown): DataVerdict {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { rule: "must be an object" };
  const count: Count = { keys: 0, bytes: 2, rule: undefined };
  const data = copyObject(value as Record<string, unknown>, 1, count);
  if (count.rule !== undefined) return { rule: count.rule };
  if (count.bytes > MAX_BYTES && Buffer.byteLength(JSON.stringify(data)) > MAX_BYTES) return { rule: SIZE_RULE };
  return { data };
}

const SIZE_RULE = `must be at most ${MAX_BYTES} bytes of JSON`;
const KEYS_RULE = `must have at most ${MAX_KEYS} keys`;
const LEVELS_RULE = `must be nested at most ${MAX_LEVELS} levels`;

function copyObject(source: Record<string, unknown>, level: number, count: Count): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(source)) {
    if (count.rule !== undefined) return copy;
    if (++count.keys > MAX_KEYS) {
      count.rule = KEYS_RULE;
      return copy;
    }
    const value = source[key];
    if (key === "__proto__" || (key === "constructor" && hasPrototype(value))) continue;
    const kept = copyValue(value, level, count);
    if (kept === undefined) continue;
    const name = toCleanText(key);
    if (name === "__proto__") continue;
    count.bytes += name.length * MAX_BYTES_A_CHARACTER + 4;
    copy[name] = kept;
  }
  return copy;
}

function copyValue(value: unknown, level: number, count: Count): unknown {
  switch (typeof value) {
    case "string": {
      count.bytes += value.length * MAX_BYTES_A_CHARACTER + 3;
      return toCleanText(value);
    }
    case "number": {
      count.bytes += MAX_BYTES_A_NUMBER;
      return Number.isFinite(value) ? value : null;
    }
    case "boolean": {
      count.bytes += 6;
      return value;
    }
    case "object":
      return value === null ? value : copyNested(value, level, count);
    case "bigint":
      count.rule = "must be plain JSON";
      return undefined;
    default:
      return undefined; // functions, symbols and undefined are not JSON either
  }
}

function copyNested(value: object, level: number, count: Count): unknown {
  if (value instanceof Date) {
    count.bytes += MAX_BYTES_A_NUMBER;
    return Number.isNaN(value.getTime()) ? null : value.toISOString();
  }
  if (level >= MAX_LEVELS) {
    count.rule = LEVELS_RULE;
    return undefined;
  }
  if (!Array.isArray(value)) {
    count.bytes += 3;
    return copyObject(value as Record<string, unknown>, level + 1, count);
  }
  // a list's entries take at least two bytes each
  if (value.length * 2 > MAX_BYTES) {
    count.rule = SIZE_RULE;
    return undefined;
  }
  count.bytes += 3 + value.length;
  const copy: unknown[] = [];
  for (const one of value) {
    const kept = copyValue(one, level + 1, count);
    if (count.rule !== undefined) return copy;
    copy.push(kept === undefined ? null : kept);
  }
  return copy;
}

function hasPrototype(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "prototype");
}
