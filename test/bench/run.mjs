// npm run bench                            all, in about 15 minutes
// npm run bench -- ingest host             some: ingest, webhooks, report, disk, host
// npm run bench -- report --report=10000000 --rounds=5 --seconds=10
import { parseArgs } from "node:util";
import { benchDisk } from "./disk.mjs";
import { printMachine } from "./figures.mjs";
import { benchHost } from "./host.mjs";
import { benchIngest } from "./ingest.mjs";
import { benchReport } from "./report.mjs";
import { benchWebhooks } from "./webhooks.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string" }, seconds: { type: "string" }, report: { type: "string" } },
});
const number = (text) => (text === undefined ? undefined : Number(text));
const options = { rounds: number(values.rounds), seconds: number(values.seconds) };
const pageviews = number(values.report);

const benches = {
  ingest: () => benchIngest(options),
  webhooks: () => benchWebhooks(options),
  report: () => benchReport({ ...options, pageviews }),
  // beside the report, on the same data
  disk: () => benchDisk({ pageviews: chosen.includes("report") ? (pageviews ?? 1_000_000) : pageviews }),
  host: () => benchHost(options),
};
const chosen = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = chosen.find((name) => !(name in benches));
if (unknown) throw new Error(`there is no bench "${unknown}"; there are ${Object.keys(benches).join(", ")}`);

printMachine();
for (const name of chosen) await benches[name]();
