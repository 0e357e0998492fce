import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { scoreIntent } from "../../src/intent/score.ts";
import { START } from "./journey.ts";
import { areaUnderCurve, buyersAtTop, parseShopSessions, replaySession } from "./shop-sessions.ts";

/** The "Online Shoppers Purchasing Intention" sessions as CSV (columns: see `parseShopSessions`); not kept here. */
const file = process.env["SHOP_SESSIONS_CSV"] ?? "";
const missing = file === "" || !existsSync(file);
const LOGISTIC_AUC = 0.698;

const hint = missing ? " (skipped: set SHOP_SESSIONS_CSV to the data set's file)" : "";

describe(`real shop sessions${hint}`, () => {
  it.skipIf(missing)("score buyers above others more often than a regression fitted to them does", () => {
    const csv = readFileSync(file, "utf8");
    const variants: [string, ReturnType<typeof parseShopSessions>, string][] = [
      ["every page its own path, back to the first", parseShopSessions(csv), "/product/1"],
      ["one path a kind", parseShopSessions(csv, (folder) => `/${folder}/x`), "/product/x"],
      ["first visit to the front page", parseShopSessions(csv), "/"],
    ];
    for (const [name, sessions, earlierPath] of variants) {
      const rows = sessions.map((session) => {
        const { signals, at } = replaySession(session, START, earlierPath);
        const { score, rawScore } = scoreIntent(signals, at);
        return { score: rawScore, shown: score, bought: session.bought };
      });
      const auc = areaUnderCurve(rows);
      const shown = areaUnderCurve(rows.map(({ shown, bought }) => ({ score: shown, bought })));
      // nothing is fitted here: the spread over the fifths says how far a figure can be trusted
      const fifths = [0, 1, 2, 3, 4].map((k) => areaUnderCurve(rows.filter((_, i) => i % 5 === k)).toFixed(3));
      const top = buyersAtTop(rows, 0.05).toFixed(2);
      const spread = `whole points ${shown.toFixed(4)}; fifths ${fifths.join(" ")}`;
      process.stdout.write(`${name}: AUC ${auc.toFixed(4)} (${spread}), top 5 %: ${top} bought\n`);
      expect(auc).toBeGreaterThan(LOGISTIC_AUC + 0.01);
      expect(shown).toBeGreaterThan(auc - 0.002);
    }
  }, 300_000);

  it("measures ranking by the chance that a buyer is above a non-buyer", () => {
    const rows = [{ score: 3, bought: true }, { score: 2, bought: false }, { score: 2, bought: true }, { score: 1, bought: false }];
    expect(areaUnderCurve(rows)).toBe(3.5 / 4);
    expect(buyersAtTop(rows, 0.25)).toBe(1);
  });
});
