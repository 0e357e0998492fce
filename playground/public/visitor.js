import { ago, el, when } from "./dom.js";
import { count, duration, percent, scoreOf } from "./format.js";

function describe(event) {
  if (event.type === "pageview") return `Saw ${event.path}`;
  if (event.type === "engagement") return `Spent ${duration(event.engagedSeconds ?? 0)} on ${event.path}${event.scrollDepth === undefined ? "" : `, down to ${event.scrollDepth} %`}`;
  const { value = event.eventData?.value, currency = event.eventData?.currency ?? "" } = event;
  return `${event.eventName}${typeof value === "number" ? `, ${value} ${currency}` : ""}`;
}

const toRow = ({ factor, points }) =>
  el("tr", {}, el("td", {}, factor), el("td", { class: points < 0 ? "minus" : "plus" }, points > 0 ? `+${points}` : `−${-points}`));

const toFact = ([label, value]) => el("div", {}, el("dt", {}, label), el("dd", {}, value));

function toProfile(visitor) {
  const { intentScore, accuracyMetrics, timeline } = visitor;
  const close = el("button", { class: "quiet", type: "button", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => close.closest("dialog").close());
  const facts = [
    ["Country", visitor.country],
    ["Browser", [visitor.browser, visitor.os, visitor.device].filter(Boolean).join(", ")],
    ["First seen", ago(visitor.firstVisit)],
    ["Seen", `${count(visitor.visitCount, "visit")}, ${count(visitor.pageviews, "pageview")}, ${count(visitor.events, "event")}`],
    ["Attention", duration(visitor.engagedSeconds)],
    ["Who it is", `${percent(accuracyMetrics.confidence)} sure, signals ${accuracyMetrics.fingerprintQuality}`],
    visitor.userId && ["User", visitor.userId],
    visitor.bot && ["Bot", `because of: ${visitor.bot.join(", ")}`],
  ].filter(Boolean);
  return [
    el("div", { class: "head" }, el("h2", {}, el("code", {}, visitor.visitorId)), close),
    el("dl", { class: "facts" }, ...facts.map(toFact)),
    el("h3", {}, "Why this score"),
    scoreOf(intentScore),
    el("table", {}, el("tbody", {}, ...intentScore.contributions.map(toRow), el("tr", { class: "sum" }, el("td", {}, "Score"), el("td", {}, intentScore.score)))),
    el("h3", {}, timeline.cursor ? `What happened, the latest ${timeline.events.length}` : "What happened"),
    el("ol", { class: "timeline" }, ...timeline.events.map((event) => el("li", { class: event.type }, el("span", {}, describe(event)), when(event.timestamp)))),
  ];
}

/** Asks the playground for a visitor and shows the profile. */
export async function openVisitor(dialog, visitorId) {
  const answer = await fetch(`/insights/visitor/${encodeURIComponent(visitorId)}`);
  dialog.replaceChildren(...(answer.ok ? toProfile(await answer.json()) : [el("p", {}, "Nothing is known of this visitor any more.")]));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}
