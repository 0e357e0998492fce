// Pageviews at a steady rate, whether they are answered or not: node sender.mjs <origin> <per second> <seconds>.
// Tells over IPC what became of them; latency counts from the moment at which a pageview was due.
import { Agent, request } from "node:http";
import { createHit } from "./hit.mjs";

const [origin, rate, seconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const TICK_MS = 5;
const MAX_LATENCIES = 1_000_000;
/** Without an answer at a time: those due beyond wait, or after a minute of a busy machine the sender would be what is slow. */
const MAX_OPEN = 5_000;

// each socket in its turn: one that is idle for long is closed by the server just when it is used again
const agent = new Agent({ keepAlive: true, maxSockets: 256, scheduling: "fifo" });
const counts = { sent: 0, acknowledged: 0, refused: 0, broken: 0 };
const latencies = [];
let open = 0;

function send(n, due) {
  counts.sent++;
  open++;
  const done = (outcome) => {
    counts[outcome]++;
    open--;
    if (latencies.length < MAX_LATENCIES) latencies.push(performance.now() - due);
  };
  const asked = request(`${origin}/api/telemetry/pageview`, { agent, method: "POST", headers: { "content-type": "application/json" } }, (answer) => {
    answer.resume();
    answer.once("end", () => done(answer.statusCode === 200 ? "acknowledged" : "refused"));
    answer.once("error", () => done("broken"));
  });
  asked.once("error", () => done("broken"));
  asked.end(JSON.stringify(createHit(n)));
}

const began = performance.now();
const timer = setInterval(() => {
  const elapsed = Math.min(performance.now() - began, seconds * 1_000);
  const due = (elapsed * rate) / 1_000;
  while (open < MAX_OPEN && counts.sent < due) send(counts.sent, began + (counts.sent * 1_000) / rate);
  if (elapsed < seconds * 1_000 || open > 0 || counts.sent < due) return;
  clearInterval(timer);
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
  process.send({ ...counts, p50: at(0.5), p99: at(0.99) }, () => process.disconnect());
}, TICK_MS);
