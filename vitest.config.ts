import { defineConfig } from "vitest/config";
import { trackerModule } from "./tracker/plugin.ts";

export default defineConfig({
  plugins: [trackerModule()],
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [
      "**/node_modules/**",
      "**/fixtures/**",
      // measures ranking on a data set that is not part of the project
      ...(process.env.SHOP_SESSIONS_CSV ? [] : ["test/intent/shop-sessions.test.ts"]),
    ],
    testTimeout: 90_000,
    hookTimeout: 120_000,
    pool: "forks",
  },
});
