import { picture, products } from "./products.mjs";

const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** The frame of every page. The shop's pages carry the tracker; the owner's pages do not count themselves. */
function page({ title, body, shop, script, active }) {
  const tracker = shop
    ? `<script defer src="/api/tracker.js" data-site-id="${escape(shop.siteId)}" data-key="${escape(shop.writeKey)}"></script><script defer src="/public/shop.js"></script>`
    : "";
  const link = (href, text) => `<a href="${href}"${active === href ? ' aria-current="page"' : ""}>${text}</a>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="icon" href="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><circle cx='8' cy='8' r='7' fill='%231f6f8b'/></svg>">
<link rel="stylesheet" href="/public/style.css">
${tracker}${script ? `<script type="module" src="/public/${script}"></script>` : ""}
</head>
<body>
<header><a class="brand" href="/">Tidewater</a><nav>${link("/products", "Products")}${link("/pricing", "Pricing")}${link("/blog/how-we-glaze", "Journal")}${link("/cart", 'Cart <span id="cart-count"></span>')}</nav></header>
<main>${body}</main>
<footer><span>Behind the counter:</span> ${link("/insights", "Insights")} ${link("/webhooks", "Webhooks")} <a href="/api/openapi.json">API</a></footer>
</body>
</html>`;
}

const card = (product) => `<a class="card" href="/product/${product.id}">${picture(product)}<span>${escape(product.name)}</span><b>€${product.price}</b></a>`;

export const homePage = (shop) => page({
  shop, title: "Tidewater Ceramics",
  body: `<section class="hero"><h1>Clay, salt and a slow kiln.</h1><p>Six pieces, made by hand on the coast, in batches of forty.</p><a class="button" href="/products">See the collection</a></section>
<h2>Made this month</h2><div class="grid">${products.slice(0, 3).map(card).join("")}</div>`,
});

export const productsPage = (shop) => page({
  shop, active: "/products", title: "Products - Tidewater",
  body: `<h1>The collection</h1><div class="grid">${products.map(card).join("")}</div>`,
});

export const productPage = (shop, product) => page({
  shop, title: `${product.name} - Tidewater`,
  body: `<article class="product">${picture(product)}<div><h1>${escape(product.name)}</h1><p class="price">€${product.price}</p><p>${escape(product.text)}</p><p>Thrown, glazed and fired in our workshop. Each one is a little different; that is the point.</p><button class="button" data-add="${product.id}" data-name="${escape(product.name)}" data-price="${product.price}">Add to cart</button><p id="added" role="status"></p></div></article>
<h2>Goes well with</h2><div class="grid">${products.filter(({ id }) => id !== product.id).slice(0, 3).map(card).join("")}</div>`,
});

const plan = (name, price, points, note = "") => `<div class="plan${note ? " best" : ""}"><h2>${name}</h2>${note && `<em>${note}</em>`}<p class="price">€${price}<small> a month</small></p><ul>${points.map((point) => `<li>${point}</li>`).join("")}</ul><button class="button" data-sign-up="${name}">Choose ${name}</button></div>`;

export const pricingPage = (shop) => page({
  shop, active: "/pricing", title: "Pricing - Tidewater",
  body: `<h1>The clay club</h1><p>A new piece every season, before it is in the shop.</p><div class="plans">${plan("Pinch", 9, ["One small piece a season", "Free delivery"])}${plan("Coil", 19, ["One large piece a season", "Free delivery", "Seconds sale"], "Most chosen")}${plan("Wheel", 39, ["Two pieces a season", "A day in the workshop", "Your mark on the base"])}</div><p id="signed-up" role="status"></p>`,
});

export const cartPage = (shop) => page({
  shop, active: "/cart", title: "Cart - Tidewater",
  body: `<h1>Your cart</h1><div id="cart"></div>`,
});

export const checkoutPage = (shop) => page({
  shop, title: "Checkout - Tidewater",
  body: `<h1>Checkout</h1><form id="checkout" class="form"><label>Name <input name="name" autocomplete="name" required></label><label>E-mail <input name="email" type="email" autocomplete="email" required></label><label>Street <input name="street" autocomplete="street-address"></label><button class="button">Pay <span id="total"></span></button><p class="hint">Nothing is charged and nothing you type here is sent anywhere.</p></form>`,
});

const paragraphs = [
  "A glaze is a thin coat of glass. It goes on as a milky liquid that tells you nothing: grey turns blue, pink turns brown, and what you wanted shows only after a day in the kiln.",
  "We mix ours from five powders. Silica makes the glass, feldspar lets it melt, clay holds it on the wall of the pot, chalk hardens it, and a pinch of metal gives the colour: iron for the browns, copper for the greens, cobalt for the blue of the Harbour Mug.",
  "Dipping takes two seconds. One more, and the coat runs and glues the pot to the shelf; one less, and the clay shows through. We count aloud. Visitors think it is a ritual, and by now it is.",
  "Then the kiln. It climbs for nine hours to 1,240 degrees, stays there for twenty minutes, and falls for sixteen. Most of the work is in the falling: crystals grow in the cooling glass, and a kiln that falls too fast grows none.",
  "We open the door at sixty degrees, too early, every time. The pots tick as they cool. About one in eight is not what we wanted. Some of those are better, and they are never in the shop.",
  "People ask for the recipe, and we give it away. What cannot be given away is the kiln, which has a cold corner at the back on the left, and the well, whose water has more lime in it than the next one. The same powders make another green ten kilometres from here.",
  "So if you want the green of the Moss Teapot, you can have the recipe and a good teapot, or ours.",
];

export const blogPage = (shop) => page({
  shop, active: "/blog/how-we-glaze", title: "How we glaze - Tidewater",
  body: `<article class="prose"><h1>How we glaze</h1><p class="hint">From the workshop journal, six minutes</p>${[...paragraphs, ...paragraphs.slice(1, 5)].map((text, i) => `${i % 3 === 1 ? `<h2>${["Powders", "Two seconds", "The falling", "Once more, slowly"][Math.floor(i / 3)]}</h2>` : ""}<p>${text}</p>`).join("")}<a class="button" href="/product/moss-teapot">See the teapot</a></article>`,
});

export const insightsPage = () => page({
  active: "/insights", title: "Insights", script: "insights.js",
  body: `<div class="head"><h1>Insights</h1><span class="live" id="live">live</span></div>
<p class="hint">What <code>GET /api/visitors/demo</code> answers, every two seconds. Click a visitor to see why.</p>
<section id="totals" class="totals"></section>
<section class="panel"><h2>Pageviews by day</h2><div id="chart"></div></section>
<div class="columns"><section class="panel wide"><h2>Visitors</h2><div id="visitors"></div></section><section class="panel"><h2>Top pages</h2><div id="pages"></div></section></div>
<dialog id="visitor"></dialog>`,
});

export const webhooksPage = () => page({
  active: "/webhooks", title: "Webhooks", script: "webhooks.js",
  body: `<div class="head"><h1>Webhooks</h1><span class="live" id="live">live</span></div>
<p class="hint">What the receiver at <code>/receiver</code> got, newest first, and whether the signature in the body verified.</p>
<section class="panel"><div id="received"></div></section>`,
});
