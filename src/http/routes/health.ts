import { answerJson } from "../answer.ts";
import type { AnalyticsApi } from "../api.ts";
import type { Call } from "../call.ts";
import type { HttpStats } from "../stats.ts";

export function healthRoute(api: AnalyticsApi, stats: () => HttpStats) {
  return (call: Call): Response => answerJson(call, { ...api.health(), http: stats() });
}
