import { drawChart } from "./chart.js";
import { createList, el, poll, show, when } from "./dom.js";
import { count, duration, number, percent, scoreOf } from "./format.js";
import { openVisitor } from "./visitor.js";

const MAX_PAGES = 12;
const MAX_FACTORS = 3;

const total = (label, value, note) => el("div", { class: "total" }, el("span", {}, label), el("b", {}, value), el("small", {}, note));

function drawTotals({ site, uniqueVisitors, activeVisitors, totalCountries, patterns }) {
  show(
    "totals",
    total("Visitors", number(uniqueVisitors), `${number(activeVisitors)} active now`),
    total("Pageviews", number(site.totalPageviews), `in ${count(site.totalSessions, "visit")}`),
    total("Events", number(site.totalEvents), count(totalCountries, "country", "countries")),
    total("Time on page", duration(site.avgTimeOnPage), `median ${duration(site.medianTimeOnPage)}`),
    total("Bounce rate", percent(site.bounceRate), `${percent(site.singlePageRate)} saw one page`),
    total("Returning", percent(patterns.returningVisitorRate), "of visitors"),
  );
}

const toLabel = (text, kind) => el("em", { class: `label ${kind}` }, text);

function toVisitorRow(visitor) {
  const { intentScore, accuracyMetrics, bot, userId } = visitor;
  const row = el("button", { class: "row", type: "button", "data-key": visitor.visitorId },
    el("span", { class: "who" }, el("code", {}, userId ?? visitor.visitorId), bot && toLabel(`bot: ${bot.join(", ")}`, "bot")),
    scoreOf(intentScore),
    el("span", { class: "why" }, intentScore.factors.slice(0, MAX_FACTORS).join(" · ") || "Nothing yet that speaks for a purchase"),
    el("span", { class: "meta" }, [visitor.country, visitor.browser, count(visitor.visitCount, "visit"), `${percent(accuracyMetrics.confidence)} sure`].join(" · ")),
    el("span", { class: "when" }, when(visitor.lastVisit)));
  row.addEventListener("click", () => openVisitor(document.getElementById("visitor"), visitor.visitorId));
  return row;
}

function toPageRow({ path, views, avgTimeOnPage, share }) {
  return el("div", { class: "page", title: path }, el("i", { style: `width:${share * 100}%` }), el("span", {}, path), el("b", {}, number(views)), el("small", {}, avgTimeOnPage ? duration(avgTimeOnPage) : "–"));
}

const drawVisitors = createList("visitors", ({ visitorId }) => visitorId, toVisitorRow, "Nobody yet. Open the shop in another tab, or try the curl line that the terminal shows.");
const drawPages = createList("pages", ({ path }) => path, toPageRow, "No page was seen yet.");

const dialog = document.getElementById("visitor");
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

let days = [];
const redraw = () => show("chart", drawChart(days, Math.max(240, document.getElementById("chart").clientWidth)));
addEventListener("resize", redraw);

poll("/insights/data", (answer) => {
  const { site, visitors, uniqueVisitors } = answer;
  drawTotals(answer);
  if (JSON.stringify(days) !== JSON.stringify(site.pageviewsByDay)) {
    days = site.pageviewsByDay;
    redraw();
  }
  drawVisitors(visitors);
  document.getElementById("visitors-note").textContent = visitors.length < uniqueVisitors ? `the latest ${visitors.length} of ${number(uniqueVisitors)}` : "";
  const most = site.topPages[0]?.views ?? 1;
  drawPages(site.topPages.slice(0, MAX_PAGES).map((page) => ({ ...page, share: page.views / most })));
});
