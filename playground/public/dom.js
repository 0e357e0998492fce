// Every text that came from outside is set as a text node or an attribute's value, never as markup.
export function el(tag, attributes = {}, ...children) {
  const node = tag.startsWith("svg:") ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== false).map((child) => (child instanceof Node ? child : String(child))));
  return node;
}

export const show = (id, ...children) => document.getElementById(id).replaceChildren(...children);

/**
 * Shows a list and touches only what changed, so that an answer every two seconds takes away neither the focus nor
 * what is unfolded. `draw` is asked again for an item when `keyOf` is new or what it shows is another.
 */
export function createList(id, keyOf, draw, empty) {
  let drawn = new Map();
  return (items) => {
    const next = new Map();
    for (const item of items) {
      const key = keyOf(item);
      const text = JSON.stringify(item);
      const known = drawn.get(key);
      next.set(key, known?.text === text ? known : { text, node: draw(item) });
    }
    drawn = next;
    const container = document.getElementById(id);
    const nodes = next.size ? [...next.values()].map(({ node }) => node) : [el("p", { class: "hint" }, empty)];
    const focused = document.activeElement?.dataset?.key;
    if (nodes.length !== container.childNodes.length || nodes.some((node, i) => node !== container.childNodes[i])) {
      container.replaceChildren(...nodes);
      if (focused) nodes.find((node) => node.dataset.key === focused)?.focus({ preventScroll: true });
    }
    for (const node of container.querySelectorAll("[data-at]")) node.textContent = ago(node.dataset.at);
  };
}

const STEPS = [[60, "s"], [60, "min"], [24, "h"], [Infinity, "d"]];

export function ago(timestamp) {
  let value = Math.max(0, (Date.now() - Date.parse(timestamp)) / 1000);
  if (value < 5) return "now";
  for (const [size, unit] of STEPS) {
    if (value < size) return `${Math.floor(value)} ${unit} ago`;
    value /= size;
  }
  return "";
}

export const when = (timestamp) => el("time", { datetime: timestamp, title: timestamp, "data-at": timestamp }, ago(timestamp));

/** The path of a page's address, or the text itself. */
export function pathOf(url) {
  try {
    return new URL(url).pathname;
  } catch {
    return url;
  }
}

/** Asks again and again, less often while the page is hidden; a failed answer shows in the badge. */
export function poll(url, draw, everyMs = 2000) {
  const live = document.getElementById("live");
  async function ask() {
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`answer ${answer.status}`);
      draw(await answer.json());
      live.className = "live";
      live.textContent = "live";
    } catch (error) {
      live.className = "live off";
      live.textContent = "no answer";
      live.title = error.message;
    }
    setTimeout(ask, document.hidden ? everyMs * 5 : everyMs);
  }
  ask();
}
