// oxlint-disable-next-line import/no-absolute-path -- the address under which the playground serves it
import { Replayer } from "/vendor/rrweb-replay.js";

const get = (id) => document.getElementById(id);
const clock = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1_000) % 60).padStart(2, "0")}`;

/** What is in the player now. */
let replayer;
let length = 0;
let page = { width: 0, height: 0 };
let isPlaying = false;

function button(text, run) {
  const node = document.createElement("button");
  node.textContent = text;
  node.addEventListener("click", run);
  return node;
}

/** As wide as there is room, and no wider than the page was. */
function fit() {
  const { width, height } = page;
  if (!replayer || !width || !height) return;
  const room = innerHeight - get("bar").offsetHeight - get("jumps").offsetHeight - get("tabs").offsetHeight;
  const scale = Math.min(1, document.body.clientWidth / width, room / height);
  replayer.wrapper.style.transform = `scale(${scale})`;
  get("stage").style.width = `${width * scale}px`;
  get("stage").style.height = `${height * scale}px`;
}

function setPlaying(next) {
  isPlaying = next;
  get("toggle").textContent = isPlaying ? "Pause" : "Play";
}

function seek(ms, andPlay = isPlaying) {
  if (!replayer) return;
  get("seek").value = ms;
  if (andPlay) replayer.play(ms);
  else replayer.pause(ms);
  setPlaying(andPlay);
}

/** What happened, as marks to jump to: pages, gaps, and what the recorder says of itself. */
function markOf({ type, data }) {
  const { page: path, gap, stepDown, trigger } = data.payload ?? {};
  if (type === 4) return data.href;
  return path || (gap && `${gap} chunks missing`) || (stepDown && `recorder: ${stepDown}`) || (trigger && `kept because of ${trigger}`);
}

/** rrweb's own player, in a page whose policy lets it fetch nothing; pages are rebuilt in a frame that may not run scripts. */
function open(events) {
  replayer?.destroy();
  replayer = undefined;
  get("stage").replaceChildren();
  get("jumps").replaceChildren();
  const note = events.length < 2 ? "This recording has no events to show." : "";
  get("note").textContent = note;
  if (note) return;
  replayer = new Replayer(events, { root: get("stage"), mouseTail: false, showWarning: false, loadTimeout: 0, speed: Number(get("speed").value), skipInactive: get("skip").checked });
  replayer.on("resize", (size) => {
    page = size;
    fit();
  });
  replayer.on("finish", () => setPlaying(false));
  const { totalTime, startTime } = replayer.getMetaData();
  length = totalTime;
  get("seek").max = length;
  for (const event of events) {
    const mark = markOf(event);
    const at = event.timestamp - startTime;
    if (mark) get("jumps").append(button(`${clock(at)} ${mark.replace(/^https?:\/\/[^/]+/, "")}`, () => seek(at)));
  }
  window.replayer = replayer;
  seek(0, false);
}

get("seek").addEventListener("input", () => seek(Number(get("seek").value)));
get("toggle").addEventListener("click", () => {
  const at = replayer?.getCurrentTime() ?? 0;
  seek(!isPlaying && at >= length ? 0 : at, !isPlaying);
});
get("speed").addEventListener("change", () => replayer?.setConfig({ speed: Number(get("speed").value) }));
get("skip").addEventListener("change", () => replayer?.setConfig({ skipInactive: get("skip").checked }));
addEventListener("resize", fit);
setInterval(() => {
  if (!replayer) return;
  const at = Math.min(length, Math.max(0, replayer.getCurrentTime()));
  if (isPlaying) get("seek").value = at;
  get("time").textContent = `${clock(at)} / ${clock(length)}`;
}, 200);

addEventListener("message", ({ origin, source, data }) => {
  if (origin !== location.origin || source !== parent || !Array.isArray(data.tabs)) return;
  get("tabs").replaceChildren(...(data.tabs.length > 1 ? data.tabs.map((events, at) => button(`Tab ${at + 1}`, () => open(events))) : []));
  open(data.tabs[0] ?? []);
});
