// What a pageview takes on disk, by kind of key, after the last checkpoint of an orderly end.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { decimals, printTable, whole } from "./figures.mjs";
import { fillMonth } from "./month.mjs";

export async function benchDisk({ pageviews = 100_000 } = {}) {
  const { base, count } = await fillMonth(pageviews);
  const kinds = new Map();
  const total = { files: 0, bytes: 0 };
  for (const entry of readdirSync(base, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { size } = statSync(join(entry.parentPath, entry.name));
    const name = entry.parentPath.slice(base.length + 1).split("/")[0];
    const kind = kinds.get(name) ?? { files: 0, bytes: 0 };
    kinds.set(name, kind);
    for (const of of [kind, total]) {
      of.files++;
      of.bytes += size;
    }
  }
  const rows = [...kinds, ["all", total]].map(([name, { files, bytes }]) => [name, whole(files), whole(bytes), decimals(1)(bytes / count)]);
  printTable(`Disk after ${whole(count)} pageviews`, ["kind of key", "files", "bytes", "bytes a pageview"], rows);
}
