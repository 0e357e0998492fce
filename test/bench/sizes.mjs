// Bytes that a page loads for each tracker: ours measured now, from the build; the others as measured when listed.
import { readFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const PEERS = [
  ["Medama", 762],
  ["Vercel Analytics", 1_078],
  ["GoatCounter", 2_199],
  ["Umami", 2_224],
  ["ahoy.js", 2_677],
  ["Plausible", 2_700],
  ["OpenPanel (loader)", 3_262],
  ["Swetrix", 6_194],
  ["posthog-js", 122_000],
];

const ours = ["tracker.js", "tracker-full.js", "replay.js"].map((file) => {
  let script;
  try {
    script = readFileSync(new URL(`../../dist/${file}`, import.meta.url));
  } catch {
    console.error("no build: run `npm run build` first");
    process.exit(1);
  }
  return [`wysleap ${file}`, gzipSync(script, { level: 9 }).length, brotliCompressSync(script).length];
});

console.log("| script | gzip -9 | brotli |\n|---|---:|---:|");
for (const [name, gzip, brotli] of [...ours, ...PEERS].toSorted((a, b) => a[1] - b[1])) {
  console.log(`| ${name} | ${gzip.toLocaleString("en")} | ${brotli?.toLocaleString("en") ?? ""} |`);
}
