import { spawnSync } from "node:child_process";
import type { Worker } from "./worker.ts";

/**
 * From now on a file of this process takes no more than so many bytes, and writing more fails half done: as on a full
 * disk, but it needs neither a disk of its own nor any rights.
 */
export function limitFiles({ child }: Worker, bytes: number | "unlimited"): void {
  const done = spawnSync("prlimit", ["--pid", String(child.pid), `--fsize=${bytes}:`], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`prlimit failed: ${done.error ?? done.stderr}`);
}
