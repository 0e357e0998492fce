import type { StoredEvent } from "../../src/event.ts";
import { foldSignals, type IntentSignals } from "../../src/intent/signals.ts";

/** One session of the "Online Shoppers Purchasing Intention" data set. */
export interface ShopSession {
  pages: { path: string; seconds: number }[];
  returning: boolean;
  bought: boolean;
}

const KINDS = [
  ["administrative", "account"],
  ["informational", "about"],
  ["product", "product"],
] as const;

/** Reads the CSV: counts and seconds of three kinds of page, `returning`, `bought`; seconds spread over the pages. */
export function parseShopSessions(csv: string, pathOf = (folder: string, n: number) => `/${folder}/${n}`): ShopSession[] {
  const [header, ...lines] = csv.trim().split("\n");
  const columns = header!.trim().split(",");
  return lines.map((line) => {
    const cells = line.split(",");
    const cell = (name: string): number => Number(cells[columns.indexOf(name)]);
    const pages = KINDS.flatMap(([column, folder]) =>
      Array.from({ length: cell(column) }, (_, n) => ({
        path: pathOf(folder, n + 1),
        seconds: cell(`${column}_seconds`) / cell(column),
      })),
    );
    return { pages, returning: cell("returning") === 1, bought: cell("bought") === 1 };
  });
}

const WEEK_MS = 7 * 86_400_000;

/** The session as traffic; a returning visitor had a visit of one pageview a week before. */
export function replaySession(session: ShopSession, startAt: number, earlierPath = "/product/1") {
  let signals: IntentSignals | undefined;
  let at = startAt;
  let n = 0;
  const visit = session.returning ? 2 : 1;
  const send = (event: Partial<StoredEvent>): void => {
    const base = { id: `evt_${n++}`, siteId: "shop", visitorId: "vis_1", sessionId: `sess_${visit}`, visit, day: "2025-01-15" };
    signals = foldSignals(signals, { ...base, type: "pageview", at, ...event });
  };
  if (session.returning) send({ at: at - WEEK_MS, visit: 1, sessionId: "sess_1", path: earlierPath, pageviewId: "pv_0" });
  for (const { path, seconds } of session.pages) {
    const pageviewId = `pv_${n}`;
    send({ path, pageviewId });
    at += seconds * 1000 + 1000;
    if (seconds > 0) send({ type: "engagement", path, pageviewId, engagedSeconds: seconds });
  }
  return { signals, at };
}

/** Area under the ROC curve: the chance that a buyer scores above a non-buyer, ties counting half. */
export function areaUnderCurve(rows: { score: number; bought: boolean }[]): number {
  const sorted = [...rows].sort((a, b) => a.score - b.score);
  let rankSum = 0;
  let buyers = 0;
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (end < sorted.length && sorted[end]!.score === sorted[i]!.score) end++;
    const rank = (i + 1 + end) / 2;
    for (; i < end; i++) {
      if (!sorted[i]!.bought) continue;
      rankSum += rank;
      buyers++;
    }
  }
  return (rankSum - (buyers * (buyers + 1)) / 2) / (buyers * (sorted.length - buyers));
}

/** Share of buyers among the `share` with the highest scores. */
export function buyersAtTop(rows: { score: number; bought: boolean }[], share: number): number {
  const top = [...rows].sort((a, b) => b.score - a.score).slice(0, Math.round(rows.length * share));
  return top.filter(({ bought }) => bought).length / top.length;
}
