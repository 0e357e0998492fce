import { createList, el, pathOf, poll, when } from "./dom.js";
import { scoreOf } from "./format.js";

const summaryOf = ({ eventName, pageUrl, country, browser, visitorId }) =>
  [eventName, pageUrl && pathOf(pageUrl), !pageUrl && country, !pageUrl && browser].filter(Boolean).join(" · ") || String(visitorId ?? "");

function toRow({ at, verified, attempt, payload }) {
  const { event, data = {}, id } = payload;
  return el("details", { class: "hook" },
    el("summary", {},
      el("b", {}, event),
      el("em", { class: `label ${verified ? "ok" : "bad"}` }, verified ? "verified" : "not verified"),
      el("span", { class: "what" }, summaryOf(data)),
      data.intentScore ? scoreOf(data.intentScore) : el("span"),
      el("small", {}, `attempt ${attempt} · `, when(at))),
    el("p", { class: "hint" }, id),
    el("pre", {}, JSON.stringify(payload, null, 2)));
}

const draw = createList("received", ({ at, payload }) => `${payload.id} ${at}`, toRow, "Nothing yet. Open the shop in another tab and look at a page.");
poll("/webhooks/data", draw);
