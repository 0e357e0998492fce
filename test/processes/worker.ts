import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Place } from "./places.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The workers import the built package, by its name. */
export const isBuilt = existsSync(join(root, "dist/index.mjs"));
export const notBuilt = "dist/ is missing (npm run build)";

export const API_KEY = "secret-key-of-the-process-tests";

export interface WorkerSettings {
  place: Place;
  /** Added to its clock, milliseconds. */
  offsetMs?: number;
  /** Of `ulimit -n`. @default the machine's */
  maxFiles?: number;
  /** Requests a minute of the site "small". @default 1 */
  smallPlan?: number;
}

export interface Worker {
  origin: string;
  child: ChildProcess;
  /** What it wrote to stdout and stderr: must stay empty. */
  output(): string;
  /** Resident bytes. */
  memory(): Promise<number>;
  /** Resolves with the exit code, or the signal's name. */
  exited: Promise<number | string>;
  stop(signal: NodeJS.Signals): Promise<number | string>;
}

const running = new Set<ChildProcess>();
/** A failed test leaves no process behind. */
export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Starts a server process and waits until it listens. */
export async function startWorker({ maxFiles, ...settings }: WorkerSettings): Promise<Worker> {
  const node = ["--unhandled-rejections=strict", join(root, "test/processes/worker.mjs"), JSON.stringify({ ...settings, apiKey: API_KEY })];
  const [command, args] = maxFiles
    ? ["bash", ["-c", `ulimit -n ${maxFiles}; exec "$0" "$@"`, process.execPath, ...node]]
    : [process.execPath, node];
  const child = spawn(command as string, args as string[], { cwd: root, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let output = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (chunk: Buffer) => (output += chunk));
  const exited = new Promise<number | string>((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code ?? -1)));
  running.add(child);
  void exited.then(() => running.delete(child));

  const ask = <T>(message?: string) =>
    new Promise<T>((resolve, reject) => {
      child.once("message", (answer) => resolve(answer as T));
      void exited.then((code) => reject(new Error(`the worker ended with ${code}: ${output}`)));
      if (message) child.send(message);
    });
  const { port } = await ask<{ port: number }>();
  return {
    origin: `http://127.0.0.1:${port}`,
    child,
    output: () => output,
    memory: async () => (await ask<{ rss: number }>("memory")).rss,
    exited,
    stop(signal) {
      child.kill(signal);
      return exited;
    },
  };
}
