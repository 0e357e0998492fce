import { ago, el, poll, show } from "./dom.js";

function row({ at, verified, attempt, payload }) {
  const { event, data, id } = payload;
  return el("details", { class: "hook" },
    el("summary", {},
      el("b", {}, event),
      el("span", { class: verified ? "ok" : "bad" }, verified ? "verified" : "not verified"),
      el("span", { class: "why" }, data.pageUrl ?? data.eventName ?? data.visitorId ?? ""),
      el("small", {}, `attempt ${attempt} · ${ago(at)}`)),
    el("p", { class: "hint" }, id),
    el("pre", {}, JSON.stringify(payload, null, 2)));
}

let shown = "";
poll("/webhooks/data", (received) => {
  const key = received.map(({ payload }) => payload.id).join();
  if (key === shown && received.length > 0) return; // keeps what is unfolded unfolded
  shown = key;
  show("received", ...(received.length ? received.map(row) : [el("p", { class: "hint" }, "Nothing yet. Open the shop in another tab and look at a page.")]));
});
