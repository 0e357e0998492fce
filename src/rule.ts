/** Checks an option that was given; throws a TypeError that begins with its path. */
export type Rule = (value: unknown, path: string) => void;

/** A rule for each field of `T`: what has none does not compile, and what is not listed is refused. */
export type Rules<T> = { [Name in keyof T]-?: Rule };

export function fail(path: string, rule: string): never {
  throw new TypeError(`${path} ${rule}`);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Written by hand, where an unknown name is a misspelt one; or a database's row, with further columns and nulls. */
export type Origin = "written" | "row";

/** Checks every field that was given. A misspelt name is refused: its default would act in silence. */
export function checkFields<T>(value: object, path: string, rules: Rules<T>, origin: Origin = "written"): void {
  for (const [name, given] of Object.entries(value)) {
    const at = path === "" ? name : `${path}.${name}`;
    if (!Object.hasOwn(rules, name)) {
      if (origin === "written") fail(at, `is unknown; there are ${Object.keys(rules).join(", ")}`);
    } else if (given !== undefined && !(given === null && origin === "row")) rules[name as keyof T](given, at);
  }
}

export function fields<T>(rules: Rules<T>): Rule {
  return (value, path) => {
    if (!isObject(value)) fail(path, `must be an object with ${Object.keys(rules).join(", ")}`);
    checkFields(value, path, rules);
  };
}

export function number(min: number, max: number): Rule {
  return (value, path) => {
    if (typeof value !== "number" || !(value >= min && value <= max)) fail(path, `must be a number from ${min} to ${max}`);
  };
}

export function whole(min: number, max: number): Rule {
  return (value, path) => {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) fail(path, `must be a whole number from ${min} to ${max}`);
  };
}

export function oneOf(...allowed: string[]): Rule {
  return (value, path) => {
    if (!allowed.includes(value as string)) fail(path, `must be one of ${allowed.join(", ")}`);
  };
}

export function listOf(rule: Rule, of: string): Rule {
  return (value, path) => {
    if (!Array.isArray(value)) fail(path, `must be a list of ${of}`);
    for (const [index, one] of value.entries()) rule(one, `${path}[${index}]`);
  };
}

/** Something with a life of its own: only what is called of it matters. */
export function having(names: readonly string[], rule: string): Rule {
  return (value, path) => {
    if (names.some((name) => typeof (value as Record<string, unknown> | null)?.[name] !== "function")) fail(path, rule);
  };
}

export const text: Rule = (value, path) => {
  if (typeof value !== "string") fail(path, "must be a text");
};

export const flag: Rule = (value, path) => {
  if (typeof value !== "boolean") fail(path, "must be true or false");
};

export const callable: Rule = (value, path) => {
  if (typeof value !== "function") fail(path, "must be a function");
};
