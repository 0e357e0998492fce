import { describe, expect, test } from "vitest";
import { parseExportRange, parseVisitorsQuery } from "../../src/http/query.ts";

describe("the query of visitors", () => {
  test("has defaults, knows its bounds and takes a country in any case", () => {
    expect(parseVisitorsQuery("")).toEqual({ limit: 50, days: 30 });
    expect(parseVisitorsQuery("limit=1&days=1")).toEqual({ limit: 1, days: 1 });
    expect(parseVisitorsQuery("country=de&days=395&limit=1000")).toEqual({ limit: 1_000, days: 395, country: "DE" });
    expect(parseVisitorsQuery("l%69mit=7&__proto__=1&x&=&x=1")).toEqual({ limit: 7, days: 30 });
  });

  test.each(["limit=0", "limit=1001", "limit=+5", "limit=0x10", "days=396", "days=0", "limit", "limit=5&l%69mit=6", "country=D", "country=%ff", "%=1"])(
    "%s is a 400",
    (query) => expect(() => parseVisitorsQuery(query)).toThrow(/limit|days|country|query/),
  );
});

describe("the range of an export", () => {
  test("is in epoch milliseconds or ISO 8601", () => {
    expect(parseExportRange("")).toEqual({});
    const at = Date.parse("2025-01-15T10:30:00Z");
    expect(parseExportRange(`from=${at}&to=2025-01-16`)).toEqual({ from: at, to: Date.parse("2025-01-16") });
    expect(parseExportRange("from=2025-01-15T10:30:00")).toEqual({ from: at });
    expect(parseExportRange("from=2025-01-15T10:30:00Z&to=2025-01-15T11:30:00%2B01:00")).toEqual({ from: at, to: at });
  });

  test.each(["from=x", "from=2025-1-1", "from=2025-13-45", "from=2025-02-30", "to=1e3", "to=", "from=2&to=1", "from=1&from=1", "from=%E0%A4%A"])(
    "%s is a 400",
    (query) => expect(() => parseExportRange(query)).toThrow(/from|to/),
  );
});
