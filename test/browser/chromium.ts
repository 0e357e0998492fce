import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";

export const CHROMIUM = "/usr/bin/chromium";

export const hasChromium = existsSync(CHROMIUM);

const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic"];

/** Debian's Chromium, headless, without the network services it would otherwise look for. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: ["--no-sandbox", "--disable-gpu", ...quiet] });
}

/**
 * A Chromium that no debugger watches: with one, nothing is prerendered and no page goes into the back/forward cache.
 * What happens in it is up to the page. Answers how to end it.
 */
export function openUnwatched(url: string): () => Promise<void> {
  const profile = mkdtempSync(join(tmpdir(), "wysleap-chromium-"));
  const args = ["--headless", "--no-sandbox", "--disable-gpu", ...quiet, `--user-data-dir=${profile}`, "--remote-debugging-port=0", url];
  const chromium: ChildProcess = spawn(CHROMIUM, args, { stdio: "ignore", detached: true });
  return async () => {
    const gone = new Promise((resolve) => chromium.once("exit", resolve));
    // its own group, and nobody else's
    process.kill(-chromium.pid!, "SIGKILL");
    await gone;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
}
