import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Debian's redis-server, when this machine has it. */
export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;

/** Missing, it is a skipped test on a developer's machine and a failed one in CI. */
export const redisMissing = "redis-server is not installed (apt-get install redis-server)";

export interface RedisServer {
  port: number;
  process: ChildProcess;
}

let running: Promise<RedisServer> | undefined;

// the runner ends its processes without an "exit" event
afterAll(() => stop());
let stop = () => {};

/** One redis-server for the test file, on a free loopback port, gone with the file's tests. */
export function startRedis(): Promise<RedisServer> {
  running ??= start();
  return running;
}

async function start(): Promise<RedisServer> {
  if (!hasRedis) throw new Error(redisMissing);
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), "wysleap-redis-"));
  const child = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir], { stdio: "ignore" });
  stop = () => {
    child.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  };
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await answers(port)) return { port, process: child };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("redis-server did not start");
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
