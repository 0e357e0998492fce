// What the host pays: its own route without the library, with it mounted, and with it taking events.
import { runLoad, sendSteadily, startServer } from "./children.mjs";
import { decimals, median, printTable, ratios, spread } from "./figures.mjs";

const EVENTS_A_SECOND = 1_000;
const WARM_UP_SECONDS = 2;

export async function benchHost({ rounds = 3, seconds = 5 } = {}) {
  const without = await startServer("express-bare");
  const mounted = await startServer("express", "fs");
  const own = { path: "/own", seconds };
  const rates = { without: [], mounted: [], busy: [] };
  const delays = [];
  const cpuUs = [];
  await sendSteadily(mounted.origin, EVENTS_A_SECOND, WARM_UP_SECONDS);
  for (const { origin } of [without, mounted]) await runLoad(origin, { path: "/own", seconds: WARM_UP_SECONDS });
  for (let round = 0; round < rounds; round++) {
    rates.without.push((await runLoad(without.origin, own)).rate);
    rates.mounted.push((await runLoad(mounted.origin, own)).rate);
    const events = sendSteadily(mounted.origin, EVENTS_A_SECOND, seconds);
    rates.busy.push((await runLoad(mounted.origin, own)).rate);
    await events;

    const before = await mounted.stats();
    const { acknowledged } = await sendSteadily(mounted.origin, EVENTS_A_SECOND, seconds);
    const after = await mounted.stats();
    delays.push(after.delay);
    cpuUs.push((after.cpuUs - before.cpuUs) / acknowledged);
  }
  const rows = [["without the library", rates.without], ["mounted", rates.mounted], [`mounted, taking ${EVENTS_A_SECOND} events/s`, rates.busy]];
  printTable(
    "The host's own route, Express 5, fs driver",
    ["", "requests/s", "ratio"],
    rows.map(([name, rate]) => [name, spread(rate), decimals(2)(median(ratios(rate, rates.without)))]),
  );
  printTable(
    `${EVENTS_A_SECOND} events/s alone`,
    ["event-loop delay p99.9, ms", "CPU µs an event"],
    [[spread(delays, decimals(1)), spread(cpuUs)]],
  );
  await Promise.all([without.stop(), mounted.stop()]);
}
