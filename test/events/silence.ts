import { vi } from "vitest";
import { BEAT_MS, SILENT_MS } from "../../src/storage/writer.ts";

const real = performance.now.bind(performance);
let ahead = 0;

interface Process {
  erase(siteId: string, visitorId: string): Promise<void>;
}

/** As long as it takes until processes that say nothing are taken for dead; these give their signs of life, with a checkpoint each. */
export async function silence(...living: Process[]): Promise<void> {
  vi.spyOn(performance, "now").mockImplementation(() => real() + ahead);
  for (let passed = 0; passed <= SILENT_MS; passed += BEAT_MS) {
    ahead += BEAT_MS;
    for (const one of living) await one.erase("elsewhere", "nobody");
  }
}
