import { expect, test } from "vitest";
import { createReporter } from "../src/logger.ts";

test("a line has details or none, and one a minute of its kind", () => {
  const lines: unknown[][] = [];
  const log = (...args: unknown[]) => void lines.push(args);
  let now = 0;
  const reporter = createReporter({ debug: log, info: log, warn: log, error: log }, () => now);
  reporter.report("warn", "kind", "first");
  reporter.report("warn", "kind", "held back");
  now += 60_000;
  reporter.report("warn", "kind", "again", { key: 1 });
  expect(lines).toEqual([["[wysleap] first"], ["[wysleap] again (1 more like this held back)", { key: 1 }]]);
});
