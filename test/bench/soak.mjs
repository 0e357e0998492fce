// Minutes of steady traffic against the fs driver: node test/bench/soak.mjs [--minutes=10] [--rate=2000]
// Prints memory every 10 s, and in the end what was acknowledged, what is stored, and how fast memory grew.
import { parseArgs } from "node:util";
import { sendSteadily, startServer } from "./children.mjs";
import { decimals, printMachine, printTable, watchStolen, whole } from "./figures.mjs";
import { SECRET_KEY } from "./hit.mjs";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" }, rate: { type: "string", default: "2000" } } });
const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
const SAMPLE_MS = 10_000;
/** Of the time: until then caches fill. */
const WARM_UP_SHARE = 1 / 3;

/** Megabytes a minute, by least squares. */
function slopeOf(samples) {
  const mean = (of) => samples.reduce((sum, sample) => sum + sample[of], 0) / samples.length;
  const [atMinute, rss] = [mean("atMinute"), mean("rss")];
  const over = samples.reduce((sum, sample) => sum + (sample.atMinute - atMinute) * (sample.rss - rss), 0);
  return over / samples.reduce((sum, sample) => sum + (sample.atMinute - atMinute) ** 2, 0);
}

async function countStored(origin) {
  const answer = await fetch(`${origin}/api/events/demo`, { headers: { "x-api-key": SECRET_KEY } });
  const ids = new Set();
  let lines = 0;
  let rest = "";
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    const [first, ...more] = chunk.split("\n");
    const whole = more.length > 0 ? [rest + first, ...more.slice(0, -1)] : [];
    rest = more.length > 0 ? more.at(-1) : rest + first;
    lines += whole.length;
    for (const line of whole) ids.add(JSON.parse(line).id);
  }
  return { lines, ids: ids.size };
}

printMachine();
const server = await startServer("h3", "fs");
const began = performance.now();
const samples = [];
const stolen = watchStolen();
const sample = async () => {
  const { rss, heapTotal, heapUsed, external, delay, worst } = await server.stats();
  samples.push({ atMinute: (performance.now() - began) / 60_000, rss: rss / 1e6, heap: heapUsed / 1e6, delay, worst });
  const { atMinute, ...last } = samples.at(-1);
  console.log(`${decimals(1)(atMinute)} min: RSS ${whole(last.rss)} MB, heap ${whole(last.heap)} of ${whole(heapTotal / 1e6)} MB, buffers ${whole(external / 1e6)} MB, event-loop delay p99.9 ${decimals(1)(delay)} ms, worst ${whole(worst)} ms, stolen ${stolen()}`);
};
await sample();
const timer = setInterval(sample, SAMPLE_MS);
const { sent, acknowledged, refused, broken, p50, p99 } = await sendSteadily(server.origin, rate, minutes * 60);
clearInterval(timer);
await sample();
const { lines, ids } = await countStored(server.origin);
const warm = samples.filter(({ atMinute }) => atMinute >= minutes * WARM_UP_SHARE);
printTable(
  `${minutes} min at ${rate} events/s on fs`,
  ["sent", "acknowledged", "stored", "twice", "refused", "broken", "p50 ms", "p99 ms", "RSS MB/min after warm-up"],
  [[sent, acknowledged, ids, lines - ids, refused, broken].map(whole).concat([decimals(1)(p50), decimals(1)(p99), warm.length > 2 ? decimals(2)(slopeOf(warm)) : "too short"])],
);
await server.stop();
if (acknowledged > ids || lines !== ids) process.exitCode = 1;
