// Medians, and tables in markdown.
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const whole = (value) => Math.round(value).toLocaleString("en-US");
export const decimals = (digits) => (value) => value.toFixed(digits);

/** "20,100 (19,400–20,300)": the median, and the least and the most of the rounds. */
export function spread(values, format = whole) {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(format);
  return values.length > 1 ? `${format(median(values))} (${least}–${most})` : format(values[0]);
}

/** Each round's value over the same round's baseline. */
export const ratios = (values, baseline) => values.map((value, round) => value / baseline[round]);

export function printTable(title, columns, rows) {
  console.log(`\n### ${title}\n`);
  for (const cells of [columns, columns.map((_, i) => (i === 0 ? "---" : "--:")), ...rows]) console.log(`| ${cells.join(" | ")} |`);
}

/** What it runs on; and in the end how much of the processors' time others on the same host took. */
export function printMachine() {
  const load = readLoad();
  console.log(`${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}, Node ${process.version}${load}, ${new Date().toISOString()}`);
  const stolen = watchStolen();
  process.once("exit", () => console.log(`\nstolen by other machines of the host: ${stolen()}`));
}

/** The share of the processors' time that others took since the last call, as text. */
export function watchStolen() {
  let before = readTimes();
  return () => {
    const now = readTimes();
    if (!now || !before) return "not known";
    const share = (now.stolen - before.stolen) / Math.max(1, now.total - before.total);
    before = now;
    return `${decimals(1)(share * 100)} %`;
  };
}

const STOLEN = 7;

function readTimes() {
  try {
    const times = /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))[1].split(" ").map(Number);
    return { stolen: times[STOLEN], total: times.slice(0, STOLEN + 1).reduce((sum, time) => sum + time) };
  } catch {
    return undefined;
  }
}

function readLoad() {
  try {
    return `, load ${readFileSync("/proc/loadavg", "utf8").split(" ")[0]} at the start`;
  } catch {
    return "";
  }
}
