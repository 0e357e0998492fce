import { defineConfig } from "vitest/config";
import { trackerModule } from "./tracker/plugin.ts";

export default defineConfig({
  plugins: [trackerModule()],
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/fixtures/**"],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    pool: "forks",
  },
});
