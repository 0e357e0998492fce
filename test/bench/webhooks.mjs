// What webhooks cost the requests that raise them: CPU time of the server per request and p99, without webhooks and with
// a receiver that hangs, in turn, on servers that live for the whole run. "no webhooks, again" is another server of the
// first kind: how far it is from 1.00 is what the machine adds. Then how fast a receiver that answers is served.
import { createServer } from "node:http";
import { runLoad, startServer } from "./children.mjs";
import { decimals, median, printTable, ratios, spread } from "./figures.mjs";

/** Long enough for the receiver's five failures of 15 s that open the circuit. */
const WARM_UP_SECONDS = 3;
const DELIVERY_SECONDS = 3;

export async function benchWebhooks({ rounds = 40, seconds = 1, driver = "fs" } = {}) {
  const hanging = await startReceiver(() => {});
  const open = async (name, env) => ({ name, server: await startServer("h3", driver, env), cpu: [], rate: [], p99: [] });
  const variants = [await open("no webhooks"), await open("receiver hangs", { BENCH_WEBHOOK: hanging.url }), await open("no webhooks, again")];
  for (const { server } of variants) await runLoad(server.origin, { seconds: WARM_UP_SECONDS });
  for (let round = 0; round < rounds; round++) {
    for (const variant of round % 2 ? variants.toReversed() : variants) {
      const before = (await variant.server.stats()).cpuUs;
      const { rate, p99, requests } = await runLoad(variant.server.origin, { seconds });
      variant.cpu.push(((await variant.server.stats()).cpuUs - before) / requests);
      variant.rate.push(rate);
      variant.p99.push(p99);
    }
  }
  const [without] = variants;
  const rows = variants.map(({ name, cpu, rate, p99 }) => [
    name, spread(cpu, decimals(1)), decimals(2)(median(ratios(cpu, without.cpu))),
    spread(rate), decimals(2)(median(ratios(rate, without.rate))), spread(p99, decimals(1)), decimals(2)(median(ratios(p99, without.p99))),
  ]);
  printTable("Ingest with webhooks, one pageview a request", ["", "CPU µs/request", "ratio", "requests/s", "ratio", "p99 ms", "ratio"], rows);
  await Promise.all(variants.map(({ server }) => server.stop()));
  hanging.close();
  await benchDeliveries({ seconds: DELIVERY_SECONDS, driver });
}

/** A backlog that is sent as fast as a receiver in this process answers. */
async function benchDeliveries({ seconds, driver }) {
  let received = 0;
  const receiver = await startReceiver((response) => {
    received++;
    response.writeHead(204).end();
  });
  const server = await startServer("h3", driver, { BENCH_WEBHOOK: receiver.url });
  await runLoad(server.origin, { seconds });
  received = 0;
  const since = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const rate = received / ((performance.now() - since) / 1_000);
  printTable("Deliveries to a healthy receiver, from a backlog", ["", "deliveries/s"], [["one endpoint, four sockets", spread([rate])]]);
  await server.stop();
  receiver.close();
}

async function startReceiver(answer) {
  const server = createServer((request, response) => void request.resume().on("end", () => answer(response)));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
