// The processes of a benchmark: servers under load, redis, and wrk.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const CONNECTIONS = 64;

const running = new Set();
const folders = [];
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function start(command, args, options) {
  const child = spawn(command, args, options);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** A folder that is gone when the benchmark ends. */
export function createFolder() {
  const folder = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), "wysleap-bench-"));
  folders.push(folder);
  return folder;
}

/** `host` and `driver` as in server.mjs. */
export async function startServer(host, driver = "memory", env = {}) {
  const base = driver === "fs" ? { BENCH_BASE: createFolder() } : {};
  const child = start(process.execPath, [...process.execArgv, here("server.mjs"), host, driver], { stdio: ["ignore", "inherit", "inherit", "ipc"], env: { ...process.env, ...base, ...env } });
  const hear = () =>
    new Promise((resolve, reject) => {
      const ended = (code) => reject(new Error(`the server ended with ${code}`));
      child.once("exit", ended);
      child.once("message", (message) => {
        child.off("exit", ended);
        resolve(message);
      });
    });
  const { port } = await hear();
  return {
    origin: `http://127.0.0.1:${port}`,
    /** Memory, CPU time in microseconds, event-loop delay in milliseconds since the last call. */
    stats() {
      child.send("stats");
      return hear();
    },
    stop() {
      child.send("stop");
      return new Promise((resolve) => void child.once("exit", resolve));
    },
  };
}

/** Less than this of a core is idling. */
const QUIET_SHARE = 0.1;
const QUIET_MS = 500;
const MAX_NOISY_MS = 20_000;

/** Resolves when a server is done with what its load left it to do, so that the next one is measured alone. */
export async function becomeQuiet(server) {
  const until = performance.now() + MAX_NOISY_MS;
  for (let used = Infinity; used > QUIET_SHARE * QUIET_MS * 1_000 && performance.now() < until; ) {
    const before = (await server.stats()).cpuUs;
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    used = (await server.stats()).cpuUs - before;
  }
}

/** Undefined without redis-server. */
export async function startRedis() {
  if (spawnSync("redis-server", ["--version"]).status !== 0) return undefined;
  const port = await new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
  start("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", createFolder()], { stdio: "ignore" });
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { REDIS_PORT: String(port) };
}

const hasWrk = spawnSync("wrk", ["--version"]).error === undefined;

let sent = 0;

/** Requests as fast as they are answered. `batch`: pageviews a request. `path`: a GET of it in place of pageviews. */
export async function runLoad(origin, { seconds, batch = 1, path }) {
  const { requests, durationUs, p99Us, failed } = await (hasWrk ? runWrk : runAutocannon)(origin, { seconds, batch, path });
  sent += requests * batch;
  if (failed > 0) throw new Error(`${failed} of ${requests} requests to ${origin} failed`);
  return { requests, rate: requests / (durationUs / 1e6), p99: p99Us / 1_000 };
}

async function runWrk(origin, { seconds, batch, path }) {
  const script = ["-s", here(path ? "result.lua" : "pageview.lua")];
  const env = { ...process.env, BATCH: String(batch), START: String(sent), LUA_PATH: `${here("./")}?.lua;;` };
  const child = start("wrk", ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--timeout", "10s", ...script, `${origin}${path ?? "/"}`], { env });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  await new Promise((resolve) => void child.once("close", resolve));
  const result = /RESULT (\d+) (\d+) (\d+) (\d+)/.exec(output);
  if (!result) throw new Error(output);
  const [requests, durationUs, p99Us, failed] = result.slice(1).map(Number);
  return { requests, durationUs, p99Us, failed };
}

async function runAutocannon(origin, { seconds, batch, path }) {
  const { default: autocannon } = await import("autocannon");
  const { createHit, toBatch } = await import("./hit.mjs");
  let n = sent;
  const next = () => createHit(n++);
  const body = () => JSON.stringify(batch === 1 ? next() : toBatch(Array.from({ length: batch }, next)));
  const headers = { "content-type": "application/json" };
  const telemetry = { method: "POST", path: `/api/telemetry/${batch === 1 ? "pageview" : "batch"}`, headers, setupRequest: (request) => ({ ...request, body: body() }) };
  const result = await autocannon({ url: origin, connections: CONNECTIONS, duration: seconds, requests: [path ? { method: "GET", path } : telemetry] });
  const { errors, non2xx, duration, latency } = result;
  return { requests: result.requests.total, durationUs: duration * 1e6, p99Us: latency.p99 * 1_000, failed: errors + non2xx };
}

/** Pageviews at a steady rate from a process of their own; resolves with what became of them. */
export function sendSteadily(origin, rate, seconds) {
  const child = start(process.execPath, [here("sender.mjs"), origin, String(rate), String(seconds)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  return new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`the sender ended with ${code}`)));
  });
}
