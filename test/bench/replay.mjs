// What the recorder costs a busy page: node test/bench/replay.mjs. 1,000 mutations a second in Chromium for 20 s, without
// recorder, with it, and with its step-down switched off; share of the main thread by the browser's own count.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const SECONDS = 20;
const MUTATIONS = Number(process.argv[2] ?? 1_000);
const recorder = await readFile(new URL("../../dist/replay.js", import.meta.url), "utf8");
const tracker = await readFile(new URL("../../dist/tracker-full.js", import.meta.url), "utf8");
let received = 0;
const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://x");
  if (request.method === "POST") {
    for await (const chunk of request) if (searchParams.has("rec")) received += chunk.length;
    return void response.end('{"success":true,"accepted":true,"results":[]}');
  }
  if (pathname === "/tracker.js") {
    // the same bytes but for the bound
    const script = searchParams.has("rec") ? (always ? recorder.replace(BOUND, "99") : recorder) : tracker;
    return void response.setHeader("content-type", "text/javascript").end(script);
  }
  response.setHeader("content-type", "text/html").end(`<!doctype html><body><div id=list>${"<p class=row>x</p>".repeat(1_000)}</div>
${searchParams.has("record") ? '<script type="module">import { start } from "/tracker.js"; start({ dataset: { siteId: "s", sessionReplay: "true" }, src: location.origin + "/tracker.js" });</script>' : ""}
<script>const rows = document.querySelectorAll(".row"); let n = 0;
setInterval(() => { for (let i = 0; i < ${MUTATIONS / 50}; i++) { const row = rows[n++ % rows.length]; if (n % 2) row.textContent = n; else row.className = "row r" + n; } }, 20);</script>`);
});
const BOUND = /(?<=\/3e3[,;][^;]{0,40}?>)\.1\b/;
let always = false;
if (!BOUND.test(recorder)) throw new Error("the bundled recorder's bound was not found");
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });

async function measure(name, query, rate) {
  received = 0;
  const page = await browser.newPage();
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable", { timeDomain: "threadTicks" });
  if (rate > 1) await client.send("Emulation.setCPUThrottlingRate", { rate });
  const busy = async () => Object.fromEntries((await client.send("Performance.getMetrics")).metrics.map(({ name: metric, value }) => [metric, value])).TaskDuration;
  await page.goto(`${origin}/${query}`);
  await page.waitForTimeout(3_000);
  const shares = [];
  for (let half = 0; half < 2; half++) {
    const [start, from] = [performance.now(), await busy()];
    await page.waitForTimeout((SECONDS / 2) * 1_000);
    shares.push(((await busy()) - from) / ((performance.now() - start) / 1_000));
  }
  await page.close();
  console.log(`${name.padEnd(44)} ${shares.map((share) => `${(share * 100).toFixed(1)} %`.padStart(8)).join("")}   ${(received / 1e3).toFixed(0)} kB sent`);
}

console.log(`${MUTATIONS} mutations/s, main thread busy in the first and the second ${SECONDS / 2} s:`);
for (const rate of [1, 4]) {
  const slow = rate > 1 ? `, CPU ${rate}x slower` : "";
  await measure(`no recorder${slow}`, "", rate);
  always = true;
  await measure(`recorder, never steps down${slow}`, "?record", rate);
  always = false;
  await measure(`recorder, steps down above 10 %${slow}`, "?record", rate);
}
await browser.close();
server.close();
