import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export const SECRET_KEY = "playground-secret-key-0000";
export const WRITE_KEY = "playground-public-key-0000";

/** The playground imports the built package. */
export const isBuilt = existsSync(join(root, "dist/index.mjs"));
export const notBuilt = "dist/ is missing (npm run build)";

export interface Playground {
  origin: string;
  child: ChildProcess;
  output(): string;
  /** Resolves with the exit code, or the signal's name. */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<number | string>;
}

export const createDataFolder = () => mkdtempSync(join(tmpdir(), "wysleap-playground-"));

const running = new Set<ChildProcess>();

/** For `afterEach`: a failed test leaves no process behind. */
export function stopAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Starts it on a free port, or on the given one, and waits for its printed URL. */
export function startPlayground(data: string, port = 0): Promise<Playground> {
  const child = spawn(process.execPath, ["playground/server.mjs"], { cwd: root, env: { ...process.env, PORT: String(port), PLAYGROUND_DATA: data } });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const exited = new Promise<number | string>((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code ?? -1)));
  let output = "";
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      output += chunk;
      const origin = /Shop\s+(http:\/\/localhost:\d+)\//.exec(output)?.[1];
      if (!origin || !output.includes("stops it")) return;
      resolve({
        origin,
        child,
        output: () => output,
        stop(signal) {
          child.kill(signal);
          return exited;
        },
      });
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    void exited.then((code) => reject(new Error(`the playground ended with ${code}: ${output}`)));
  });
}

export async function getJson<T>(url: string): Promise<T> {
  const answer = await fetch(url, { headers: { "x-api-key": SECRET_KEY } });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return (await answer.json()) as T;
}
