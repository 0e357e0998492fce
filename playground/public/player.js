import { Replayer } from "/vendor/rrweb-replay.js";

const get = (id) => document.getElementById(id);
const clock = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1_000) % 60).padStart(2, "0")}`;

/** rrweb's own player, in a page whose policy lets it fetch nothing; pages are rebuilt in a frame that may not run scripts. */
function play(events) {
  get("stage").replaceChildren();
  if (events.length < 2) {
    get("note").textContent = "This recording has no events to show.";
    return;
  }
  const replayer = new Replayer(events, { root: get("stage"), mouseTail: false, showWarning: false, loadTimeout: 0 });
  const { totalTime, startTime } = replayer.getMetaData();
  const jumps = get("jumps");
  let playing = false;
  let idle;

  // as large as there is room, as wide as the page was
  function fit({ width, height }) {
    const { wrapper, iframe } = replayer;
    if (!width || !height) return;
    const scale = Math.min(1, get("stage").clientWidth / width, (innerHeight - get("bar").offsetHeight - 40) / height);
    wrapper.style.transform = `scale(${scale})`;
    get("stage").style.height = `${height * scale}px`;
    iframe.width = width;
    iframe.height = height;
  }
  let dimension = { width: 0, height: 0 };
  replayer.on("resize", (next) => fit((dimension = next)));
  addEventListener("resize", () => fit(dimension));

  function setPlaying(next) {
    playing = next;
    get("toggle").textContent = playing ? "Pause" : "Play";
  }
  function seek(ms, andPlay = playing) {
    get("seek").value = ms;
    get("time").textContent = `${clock(ms)} / ${clock(totalTime)}`;
    if (andPlay) replayer.play(ms);
    else replayer.pause(ms);
    setPlaying(andPlay);
  }
  get("seek").max = totalTime;
  get("seek").oninput = () => seek(Number(get("seek").value));
  get("toggle").onclick = () => seek(!playing && replayer.getCurrentTime() >= totalTime ? 0 : replayer.getCurrentTime(), !playing);
  get("speed").onchange = () => replayer.setConfig({ speed: Number(get("speed").value) });
  get("skip").onchange = () => replayer.setConfig({ skipInactive: get("skip").checked });
  replayer.on("finish", () => setPlaying(false));
  idle = setInterval(() => {
    if (!document.body.contains(replayer.wrapper)) return clearInterval(idle);
    const ms = Math.min(totalTime, Math.max(0, replayer.getCurrentTime()));
    if (playing) get("seek").value = ms;
    get("time").textContent = `${clock(ms)} / ${clock(totalTime)}`;
  }, 200);

  jumps.replaceChildren();
  for (const { type, data, timestamp } of events) {
    const { page, gap, stepDown, trigger } = data.payload ?? {};
    const text = type === 4 ? data.href : page ? page : gap ? `${gap} chunks missing` : stepDown ? `recorder: ${stepDown}` : trigger ? `kept because of ${trigger}` : "";
    if (!text) continue;
    const button = document.createElement("button");
    button.textContent = `${clock(timestamp - startTime)} ${text.replace(/^https?:\/\/[^/]+/, "")}`;
    button.onclick = () => seek(timestamp - startTime);
    jumps.append(button);
  }
  window.replayer = replayer;
  seek(0, false);
}

addEventListener("message", ({ origin, source, data }) => {
  if (origin !== location.origin || source !== parent || !Array.isArray(data.tabs)) return;
  const tabs = get("tabs");
  tabs.replaceChildren();
  data.tabs.forEach((events, at) => {
    const button = document.createElement("button");
    button.textContent = `Tab ${at + 1}`;
    button.onclick = () => play(events);
    if (data.tabs.length > 1) tabs.append(button);
  });
  play(data.tabs[0] ?? []);
});
