import { createList, el, pathOf, poll, show, when } from "./dom.js";
import { count, duration, number, scoreOf } from "./format.js";

const size = (bytes) => (bytes < 1e6 ? `${number(Math.ceil(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
let chosen;

function toRow(replay) {
  const row = el("button", { class: "row", "data-key": replay.sessionId },
    el("span", { class: "who" },
      el("code", {}, replay.visitorId),
      replay.identified && el("em", { class: "label ok" }, "identified"),
      replay.converted && el("em", { class: "label ok" }, "converted")),
    scoreOf(replay.intent),
    el("span", { class: "meta" },
      [pathOf(replay.entryPage), duration(replay.durationSeconds), count(replay.pages, "page"), count(replay.actions, "action"), size(replay.bytes)].join(" · "), " · ", when(replay.startedAt)));
  row.addEventListener("click", () => open(replay));
  return row;
}

/** The events come from here, where the network is allowed; the player's frame has none. */
async function open(replay) {
  chosen = replay.sessionId;
  show("player-title", `${replay.visitorId}, ${duration(replay.durationSeconds)}`);
  const events = [];
  for (const tab of replay.tabs) {
    const answer = await fetch(`/replays/events/${encodeURIComponent(replay.sessionId)}?tab=${tab}`);
    const text = answer.ok ? await answer.text() : "";
    events.push(text.split("\n").filter(Boolean).map((line) => JSON.parse(line)));
  }
  if (chosen !== replay.sessionId) return;
  const frame = el("iframe", { id: "player", src: "/replays/player", title: "Replay" });
  frame.addEventListener("load", () => frame.contentWindow.postMessage({ tabs: events }, location.origin));
  show("stage", frame);
  document.getElementById("stage").scrollIntoView({ block: "nearest" });
}

const draw = createList("replays", ({ sessionId }) => sessionId, toRow, "Nothing yet. Open the shop in another tab and click around; a recording shows here within seconds.");
poll("/replays/data", ({ replays, totalBytes, budgetBytes }) => {
  show("replays-note", `${size(totalBytes)} of ${size(budgetBytes)}`);
  draw(replays);
});
