export const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const ICON = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><circle cx='8' cy='8' r='7' fill='%231f6f8b'/></svg>";

function frame({ title, head, header, body, footer }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="/public/style.css">
${head}
</head>
<body>
<header>${header}</header>
<main>${body}</main>
${footer}
</body>
</html>`;
}

const toLinks = (links, active) =>
  links.map(([href, text]) => `<a href="${href}"${active === href ? ' aria-current="page"' : ""}>${text}</a>`).join("");

const SHOP_LINKS = [["/products", "Products"], ["/pricing", "Pricing"], ["/blog/how-we-glaze", "Journal"], ["/cart", 'Cart<span id="cart-count"></span>']];
const OWNER_LINKS = [["/insights", "Insights"], ["/replays", "Replays"], ["/webhooks", "Webhooks"], ["/api/openapi.json", "API"]];

/** A page of the shop: with the tracker, and a small way to what the owner sees. */
export function shopPage({ title, body, shop, active }) {
  return frame({
    title: title ? `${title} - Tidewater` : "Tidewater Ceramics",
    head: `<script defer src="/api/tracker.js" data-site-id="${escape(shop.siteId)}" data-key="${escape(shop.writeKey)}" data-session-replay="true"></script>
<script defer src="/public/shop.js"></script>`,
    header: `<a class="brand" href="/">Tidewater</a><nav>${toLinks(SHOP_LINKS, active)}</nav>`,
    body,
    footer: `<footer>Tidewater is made up. Its visitors are real: you.</footer>
<aside class="behind" aria-label="What the owner sees">${toLinks(OWNER_LINKS.slice(0, 3))}</aside>`,
  });
}

/** A page of the owner: without the tracker, so that looking at the numbers does not change them. */
export function ownerPage({ title, body, script, active }) {
  return frame({
    title,
    head: `<link rel="stylesheet" href="/public/owner.css">
<script type="module" src="/public/${script}"></script>`,
    header: `<a class="brand" href="/insights">Tidewater <small>behind the counter</small></a><nav>${toLinks([["/", "Shop"], ...OWNER_LINKS], active)}</nav>`,
    body,
    footer: "",
  });
}
