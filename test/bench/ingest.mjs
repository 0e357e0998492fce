// Requests a second over HTTP, next to a bare handler that reads, validates and answers the same bytes. Each contender
// is measured right after its baseline, in every round, and long enough for checkpoints of its own; what those leave to do
// afterwards is waited for.
import { becomeQuiet, runLoad, startRedis, startServer } from "./children.mjs";
import { decimals, median, printTable, ratios, spread, whole } from "./figures.mjs";

const BATCH = 20;
/** Until the compiler has done its work: before, a server takes half as many. */
const WARM_UP_SECONDS = 6;

export async function benchIngest({ rounds = 3, seconds = 8 } = {}) {
  const redis = await startRedis();
  const drivers = ["null", "memory", "fs", ...(redis ? ["redis"] : [])];
  const open = async (host, driver) => ({ name: `${host}, ${driver}`, server: await startServer(host, driver, redis), rate: [], p99: [], baseRate: [], baseP99: [] });
  const bareH3 = await startServer("bare");
  const bareExpress = await startServer("express-bare");
  const groups = [
    { name: "h3 2", bare: bareH3, contenders: await Promise.all(drivers.map((driver) => open("h3", driver))) },
    { name: "Express 5", bare: bareExpress, contenders: [await open("express", "memory")] },
  ];
  const batched = await Promise.all(drivers.slice(1).map((driver) => open("h3", driver)));

  async function load(server, options) {
    const result = await runLoad(server.origin, options);
    await becomeQuiet(server);
    return result;
  }

  for (const { bare, contenders } of groups) for (const { server } of [{ server: bare }, ...contenders]) await load(server, { seconds: WARM_UP_SECONDS });
  for (const { server } of batched) await load(server, { seconds: WARM_UP_SECONDS, batch: BATCH });
  for (let round = 0; round < rounds; round++) {
    for (const { bare, contenders } of groups) {
      for (const contender of contenders) {
        const baseline = await load(bare, { seconds });
        const measured = await load(contender.server, { seconds });
        contender.baseRate.push(baseline.rate);
        contender.baseP99.push(baseline.p99);
        contender.rate.push(measured.rate);
        contender.p99.push(measured.p99);
      }
    }
    for (const contender of batched) contender.rate.push((await load(contender.server, { seconds, batch: BATCH })).rate * BATCH);
  }

  for (const { name, contenders } of groups) {
    const rows = contenders.map((contender) => [
      contender.name, spread(contender.rate), spread(contender.baseRate), `${decimals(2)(median(ratios(contender.rate, contender.baseRate)))}`,
      spread(contender.p99, decimals(1)), spread(contender.baseP99, decimals(1)), decimals(2)(median(ratios(contender.p99, contender.baseP99))),
    ]);
    printTable(`Ingest on ${name}, one pageview a request`, ["host, driver", "requests/s", "bare", "ratio", "p99 ms", "bare", "ratio"], rows);
  }
  printTable(`Ingest on h3 2 in batches of ${BATCH}`, ["host, driver", "events/s"], batched.map(({ name, rate }) => [name, spread(rate, whole)]));
  const servers = [bareH3, bareExpress, ...groups.flatMap(({ contenders }) => contenders.map(({ server }) => server)), ...batched.map(({ server }) => server)];
  await Promise.all(servers.map((server) => server.stop()));
}
