// What webhooks cost the requests that raise them, and how fast they go out: node webhooks.mjs [seconds a run] [rounds].
// Needs the build. A: no webhooks, B: a receiver that hangs, in turn; then a receiver that answers.
import { fork } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import autocannon from "autocannon";

const KEY = "secret-key-of-the-demo-site";
const SECRET = "whsec_d3lzbGVhcC10ZXN0LXZlY3Rvci1zZWNyZXQtMzJieXQ=";

if (process.send && process.argv[2] === "host") {
  const { H3, toNodeHandler } = await import("h3");
  const { createAnalytics } = await import("wysleap");
  const { wysleap } = await import("wysleap/h3");
  const url = process.argv[3];
  const analytics = createAnalytics({
    sites: [{ id: "demo", apiKey: KEY, plan: 10_000_000, webhooks: url ? [{ url, secret: SECRET, events: ["pageview"] }] : undefined }],
    webhooks: { allowPrivateNetwork: true },
  });
  const server = createServer(toNodeHandler(new H3().mount("/api", wysleap(analytics)))).listen(0, "127.0.0.1", () => process.send(server.address().port));
} else {
  const [seconds = 5, rounds = 4] = process.argv.slice(2).map(Number);
  let answers = false;
  let received = 0;
  const receiver = createServer((request, response) => {
    request.resume().on("end", () => {
      received++;
      if (answers) response.writeHead(204).end();
    });
  });
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const hook = `http://127.0.0.1:${receiver.address().port}/hook`;
  let n = 0;

  async function run(url, act) {
    const host = fork(new URL(import.meta.url).pathname, ["host", ...(url ? [url] : [])]);
    const [port] = await once(host, "message");
    const result = await act(`http://127.0.0.1:${port}/api`);
    host.kill("SIGKILL");
    receiver.closeAllConnections();
    return result;
  }

  const load = (base, duration, connections = 32) =>
    autocannon({
      url: `${base}/telemetry/pageview`, method: "POST", connections, duration,
      headers: { "content-type": "application/json", "x-api-key": KEY },
      setupClient: (client) => client.on("response", () => client.setBody(body())) && client.setBody(body()),
    });
  const body = () => JSON.stringify({ siteId: "demo", pageUrl: "https://shop.example/products/42?utm_source=mail", pageTitle: "A product", visitorId: `vis_${n++ % 5_000}`, sessionId: `sess_${n % 5_000}` });

  const rows = { "no webhooks": [], "receiver hangs": [] };
  for (let round = 0; round < rounds; round++) {
    for (const [name, url] of [["no webhooks", undefined], ["receiver hangs", hook]]) {
      const { requests, latency } = await run(url, async (base) => {
        await load(base, 1);
        return load(base, seconds);
      });
      rows[name].push([requests.average, latency.p99]);
    }
  }
  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
  const table = Object.entries(rows).map(([name, runs]) => ({ name, "requests/s": Math.round(median(runs.map(([rate]) => rate))), "p99 ms": median(runs.map(([, p99]) => p99)) }));

  answers = true;
  const rate = await run(hook, async (base) => {
    await load(base, 1, 4);
    received = 0;
    const since = performance.now();
    await load(base, seconds, 4);
    return Math.round(received / ((performance.now() - since) / 1_000));
  });
  console.table([...table, { name: "receiver answers", "deliveries/s": rate }]);
  receiver.close();
  process.exit(0);
}
