/** A JSON Schema, as far as we write one. */
export type Schema = Record<string, unknown>;

export const text = (description: string, more: Schema = {}): Schema => ({ type: "string", description, ...more });
export const count = (description: string): Schema => ({ type: "integer", minimum: 0, description });
export const share = (description: string): Schema => ({ type: "number", minimum: 0, maximum: 1, description });
export const list = (items: Schema): Schema => ({ type: "array", items });
export const object = (properties: Record<string, Schema>, required: string[] = []): Schema => ({
  type: "object",
  properties,
  ...(required.length > 0 && { required }),
});

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

export const id = (description: string): Schema => text(description, { pattern: "^[A-Za-z0-9_.:-]{1,128}$" });
export const timestamp = text("UTC, to the second.", { format: "date-time", examples: ["2025-01-15T10:30:00Z"] });
export const moment: Schema = {
  description: "When it happened: ISO 8601 or epoch milliseconds, at most 48 hours ago. Default: now.",
  oneOf: [{ type: "string", format: "date-time" }, { type: "integer" }],
};
