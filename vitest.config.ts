import { defineConfig } from "vitest/config";
import { trackerModule } from "./tracker/plugin.ts";

/** Real processes that are killed, full disks, and whatever compares times or memory: nothing else may run beside them. */
const ALONE = ["test/processes/**/*.test.ts", "test/webhooks/kill.test.ts", "test/events/faults.test.ts", "test/events/summaries.test.ts", "test/playground/**/*.test.ts"];
const EXCLUDED = [
  "**/node_modules/**",
  "**/fixtures/**",
  // measures ranking on a data set that is not part of the project
  ...(process.env.SHOP_SESSIONS_CSV ? [] : ["test/intent/shop-sessions.test.ts"]),
];

export default defineConfig({
  plugins: [trackerModule()],
  test: {
    projects: [
      // many wait for a browser or a clock most of the time
      { extends: true, test: { name: "beside", include: ["test/**/*.test.ts"], exclude: [...EXCLUDED, ...ALONE], maxWorkers: 2, sequence: { groupOrder: 0 } } },
      { extends: true, test: { name: "alone", include: ALONE, exclude: EXCLUDED, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
    testTimeout: 90_000,
    hookTimeout: 120_000,
    pool: "forks",
  },
});
