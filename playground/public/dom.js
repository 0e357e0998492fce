// Every text that came from outside is set as a text node, never as markup.
export function el(tag, attributes = {}, ...children) {
  const node = tag.includes(":") ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== undefined && child !== null).map((child) => (child instanceof Node ? child : String(child))));
  return node;
}

export const show = (id, ...children) => document.getElementById(id).replaceChildren(...children);

const STEPS = [[60, "second"], [60, "minute"], [24, "hour"], [Infinity, "day"]];

export function ago(timestamp) {
  let value = Math.max(0, (Date.now() - Date.parse(timestamp)) / 1000);
  for (const [size, unit] of STEPS) {
    if (value < size) return value < 5 && unit === "second" ? "now" : `${Math.floor(value)} ${unit}${Math.floor(value) === 1 ? "" : "s"} ago`;
    value /= size;
  }
  return "";
}

/** Asks again and again while the page is visible; a failed answer shows in the badge. */
export function poll(url, draw, everyMs = 2000) {
  const live = document.getElementById("live");
  async function ask() {
    try {
      const answer = await fetch(typeof url === "function" ? url() : url);
      if (!answer.ok) throw new Error(`answer ${answer.status}`);
      draw(await answer.json());
      live.className = "live";
      live.textContent = "live";
    } catch {
      live.className = "live off";
      live.textContent = "no answer";
    }
    setTimeout(ask, document.hidden ? everyMs * 5 : everyMs);
  }
  ask();
}
