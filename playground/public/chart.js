import { el } from "./dom.js";

const HEIGHT = 210;
const TOP = 8;
const LEFT = 40;
const BOTTOM = 26;
/** Below this many pixels a day, every second or third day has a label. */
const LABEL_PX = 62;

/** The next of 1, 2, 5, 10, 20, 50 … so that the axis has round numbers; at least 4. */
export function roundUp(value) {
  const wanted = Math.max(4, value);
  const magnitude = 10 ** Math.floor(Math.log10(wanted));
  return [1, 2, 4, 5, 6, 8, 10].map((step) => step * magnitude).find((step) => step >= wanted);
}

const toLabel = (date) => new Date(`${date}T12:00:00Z`).toLocaleDateString("en", { day: "numeric", month: "short", timeZone: "UTC" });

/** Drawn at the width that it is shown in, so that its text has the size of other text. */
export function drawChart(days, width) {
  const top = roundUp(Math.max(0, ...days.map(({ views }) => views)));
  const step = (width - LEFT) / days.length;
  const y = (views) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - views / top);
  const svg = el("svg:svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `Pageviews by day: ${days.map(({ date, views }) => `${date} ${views}`).join(", ")}` });
  for (const value of [0, top / 2, top]) {
    svg.append(
      el("svg:line", { x1: LEFT, x2: width, y1: y(value), y2: y(value), class: "rule" }),
      el("svg:text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, value.toLocaleString("en")));
  }
  const every = Math.ceil(LABEL_PX / step);
  const gap = Math.min(14, step * 0.18);
  days.forEach(({ date, views }, i) => {
    const height = views > 0 ? Math.max(2, y(0) - y(views)) : 0;
    const bar = el("svg:rect", { x: LEFT + i * step + gap, width: step - 2 * gap, y: y(0) - height, height, rx: Math.min(4, height / 2), class: "bar" });
    bar.append(el("svg:title", {}, `${toLabel(date)}: ${views.toLocaleString("en")} pageviews`));
    svg.append(bar);
    if ((days.length - 1 - i) % every === 0) svg.append(el("svg:text", { x: Math.min(LEFT + (i + 0.5) * step, width - LABEL_PX / 3), y: HEIGHT - 6, "text-anchor": "middle" }, toLabel(date)));
  });
  return svg;
}
