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

const labels = { delivered: "ok", pending: "", failed: "bad" };
const post = (path) => fetch(`/webhooks/${path}`, { method: "POST" });

function toDelivery({ id, event, status, attempts, lastCode, lastError, nextAttemptAt, timestamp }) {
  const retry = status === "delivered" ? el("span") : el("button", { type: "button", class: "small" }, "Retry now");
  retry.addEventListener("click", () => post(`retry/${id}`));
  const next = nextAttemptAt && attempts > 0 ? `, next ${nextAttemptAt.slice(11, 19)}` : "";
  return el("div", { class: "hook delivery" },
    el("b", {}, event),
    el("em", { class: `label ${labels[status]}` }, status),
    el("span", { class: "what" }, `${attempts} attempt${attempts === 1 ? "" : "s"}${lastCode || lastError ? `, last ${lastCode ?? lastError}` : ""}${next}`),
    retry,
    el("small", {}, `${id.slice(0, 14)}… · `, when(timestamp)));
}

const drawDeliveries = createList("deliveries", ({ id, status, attempts, nextAttemptAt }) => `${id} ${status} ${attempts} ${nextAttemptAt}`, toDelivery, "Nothing yet.");
const failing = document.getElementById("failing");
const said = document.getElementById("said");

failing.addEventListener("click", () => post(`failing/${failing.dataset.on ? "off" : "on"}`));
document.getElementById("test").addEventListener("click", async () => {
  const [result] = await (await post("test")).json();
  said.textContent = `The receiver answered ${result.lastCode ?? result.lastError} after ${result.durationMs} ms.`;
});

poll("/webhooks/data", (data) => {
  failing.dataset.on = data.failing ? "1" : "";
  failing.textContent = data.failing ? "The receiver answers 503: let it work again" : "Let the receiver fail";
  drawDeliveries(data.deliveries);
  draw(data.received);
});
