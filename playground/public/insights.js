import { ago, el, poll, show } from "./dom.js";

const percent = (rate) => `${Math.round(rate * 100)} %`;
const duration = (seconds) => (seconds < 60 ? `${Math.round(seconds)} s` : `${Math.floor(seconds / 60)} m ${Math.round(seconds % 60)} s`);

const total = (label, value, note) => el("div", { class: "total" }, el("span", {}, label), el("b", {}, value), note && el("small", {}, note));

function drawTotals({ site, uniqueVisitors, activeVisitors, totalCountries, patterns }) {
  show(
    "totals",
    total("Visitors", uniqueVisitors, `${activeVisitors} active now`),
    total("Pageviews", site.totalPageviews, `${site.totalEvents} events`),
    total("Time on page", duration(site.avgTimeOnPage), `median ${duration(site.medianTimeOnPage)}`),
    total("Bounce rate", percent(site.bounceRate), `${percent(site.singlePageRate)} saw one page`),
    total("Returning", percent(patterns.returningVisitorRate), `${totalCountries} ${totalCountries === 1 ? "country" : "countries"}`),
  );
}

const WIDTH = 960;
const HEIGHT = 190;
const LEFT = 36;
const BOTTOM = 24;

function drawChart(days) {
  const highest = Math.max(4, ...days.map(({ views }) => views));
  const step = (WIDTH - LEFT) / days.length;
  const y = (views) => (HEIGHT - BOTTOM) * (1 - views / highest) + 6;
  const svg = el("svg:svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT + 8}`, role: "img", "aria-label": "Pageviews by day" });
  for (const share of [0, 0.5, 1]) {
    const value = Math.round(highest * share);
    svg.append(el("svg:line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: "rule" }), el("svg:text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, value));
  }
  days.forEach(({ date, views }, i) => {
    const bar = el("svg:rect", { x: LEFT + i * step + step * 0.18, width: step * 0.64, y: y(views), height: Math.max(0, y(0) - y(views)), rx: 4, class: "bar" });
    bar.append(el("svg:title", {}, `${date}: ${views} pageviews`));
    svg.append(bar);
    const label = new Date(`${date}T12:00:00Z`).toLocaleDateString("en", { day: "numeric", month: "short", timeZone: "UTC" });
    if (i % 2 === (days.length - 1) % 2) svg.append(el("svg:text", { x: LEFT + (i + 0.5) * step, y: HEIGHT + 2, "text-anchor": "middle" }, label));
  });
  show("chart", svg);
}

const score = ({ level, score: points }) => el("span", { class: `score ${level}` }, el("i", { style: `width:${points}%` }), el("b", {}, points), el("small", {}, level));

function visitorRow(visitor) {
  const button = el("button", { class: "row", type: "button" },
    el("span", { class: "who" }, el("code", {}, visitor.visitorId.length > 22 ? `${visitor.visitorId.slice(0, 21)}…` : visitor.visitorId), visitor.bot && el("em", { title: visitor.bot.join(", ") }, "bot")),
    score(visitor.intentScore),
    el("span", { class: "why" }, visitor.intentScore.factors.slice(0, 3).join(" · ") || "nothing yet"),
    el("span", { class: "meta" }, `${visitor.country} · ${visitor.browser} · visit ${visitor.visitCount} · ${percent(visitor.accuracyMetrics.confidence)} sure`),
    el("span", { class: "when" }, ago(visitor.lastVisit)));
  button.addEventListener("click", () => open(visitor.visitorId));
  return button;
}

function drawVisitors(visitors) {
  show("visitors", ...(visitors.length ? visitors.map(visitorRow) : [el("p", { class: "hint" }, "Nobody yet. Open the shop in another tab.")]));
}

function drawPages(pages) {
  const most = pages[0]?.views ?? 1;
  show("pages", ...pages.slice(0, 12).map(({ path, views, avgTimeOnPage }) =>
    el("div", { class: "page" }, el("i", { style: `width:${(views / most) * 100}%` }), el("span", {}, path), el("b", {}, views), el("small", {}, avgTimeOnPage ? duration(avgTimeOnPage) : "–"))));
}

function describe(event) {
  if (event.type === "pageview") return `Saw ${event.path}`;
  if (event.type === "event") return event.eventName;
  return `${duration(event.engagedSeconds)} on ${event.path}${event.scrollDepth === undefined ? "" : `, down to ${event.scrollDepth} %`}`;
}

async function open(visitorId) {
  const dialog = document.getElementById("visitor");
  const answer = await fetch(`/insights/visitor/${encodeURIComponent(visitorId)}`);
  if (!answer.ok) return;
  const visitor = await answer.json();
  const { intentScore, accuracyMetrics, timeline } = visitor;
  const close = el("button", { class: "quiet", type: "button", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => dialog.close());
  dialog.replaceChildren(
    el("div", { class: "head" }, el("h2", {}, el("code", {}, visitor.visitorId)), close),
    el("p", { class: "hint" }, [visitor.country, visitor.browser, visitor.os, visitor.device, `first seen ${ago(visitor.firstVisit)}`, visitor.bot && `labelled a bot: ${visitor.bot.join(", ")}`].filter(Boolean).join(" · ")),
    score(intentScore),
    el("h3", {}, "Why this score"),
    el("table", {}, ...intentScore.contributions.map(({ factor, points }) => el("tr", {}, el("td", {}, factor), el("td", { class: points < 0 ? "minus" : "plus" }, points > 0 ? `+${points}` : points))),
      el("tr", { class: "sum" }, el("td", {}, "Score"), el("td", {}, intentScore.score))),
    el("h3", {}, "How sure we are of who it is"),
    el("p", {}, `${percent(accuracyMetrics.confidence)}; signals: ${accuracyMetrics.fingerprintQuality}`),
    el("h3", {}, "What happened"),
    el("ol", { class: "timeline" }, ...timeline.events.slice(0, 40).map((event) => el("li", { class: event.type }, el("span", {}, describe(event)), el("small", {}, ago(event.timestamp))))),
  );
  dialog.showModal();
}

document.getElementById("visitor").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close();
});

poll("/insights/data?days=14", (answer) => {
  drawTotals(answer);
  drawChart(answer.site.pageviewsByDay);
  drawVisitors(answer.visitors);
  drawPages(answer.site.topPages);
});
