import { picture, products } from "../products.mjs";
import { journal } from "./journal.mjs";
import { escape, shopPage } from "./layout.mjs";

const toCard = (product) =>
  `<a class="card" href="/product/${product.id}">${picture(product)}<span>${escape(product.name)}</span><b>€${product.price}</b></a>`;
const toGrid = (some) => `<div class="grid">${some.map(toCard).join("")}</div>`;

export const homePage = (shop) => shopPage({
  shop,
  body: `<section class="hero"><div><h1>Clay, salt and a slow kiln.</h1><p>Six pieces, made by hand on the coast, in batches of forty.</p><a class="button" href="/products">See the collection</a></div>${picture(products[2])}</section>
<h2>Made this month</h2>${toGrid([products[0], products[1], products[3]])}
<section class="note"><h2>How we glaze</h2><p>Five powders, two seconds in the bucket, and a kiln with a cold corner. From our journal.</p><a href="/blog/how-we-glaze">Read it</a></section>`,
});

export const productsPage = (shop) => shopPage({
  shop, active: "/products", title: "Products",
  body: `<h1>The collection</h1>${toGrid(products)}`,
});

export const productPage = (shop, product) => shopPage({
  shop, title: product.name,
  body: `<article class="product">${picture(product)}<div><h1>${escape(product.name)}</h1><p class="price">€${product.price}</p><p>${escape(product.text)}</p><p>Thrown, glazed and fired in our workshop. Each one is a little different; that is the point.</p><button class="button" data-add="${product.id}" data-name="${escape(product.name)}" data-price="${product.price}">Add to cart</button><p id="added" role="status"></p></div></article>
<h2>Goes well with</h2>${toGrid(products.filter(({ id }) => id !== product.id).slice(0, 3))}`,
});

const toPlan = (name, price, points, note = "") =>
  `<div class="plan${note ? " best" : ""}"><h2>${name}</h2>${note && `<em>${note}</em>`}<p class="price">€${price}<small> a month</small></p><ul>${points.map((point) => `<li>${point}</li>`).join("")}</ul><button class="button" data-sign-up="${name}" data-price="${price}">Choose ${name}</button></div>`;

export const pricingPage = (shop) => shopPage({
  shop, active: "/pricing", title: "Pricing",
  body: `<h1>The clay club</h1><p>A new piece every season, before it is in the shop.</p><div class="plans">${toPlan("Pinch", 9, ["One small piece a season", "Free delivery"])}${toPlan("Coil", 19, ["One large piece a season", "Free delivery", "Seconds sale"], "Most chosen")}${toPlan("Wheel", 39, ["Two pieces a season", "A day in the workshop", "Your mark on the base"])}</div><p id="signed-up" role="status"></p>`,
});

export const cartPage = (shop) => shopPage({
  shop, active: "/cart", title: "Cart",
  body: `<h1>Your cart</h1><div id="cart"></div>`,
});

export const checkoutPage = (shop) => shopPage({
  shop, title: "Checkout",
  body: `<h1>Checkout</h1><form id="checkout" class="form"><label>Name <input name="name" autocomplete="name" required></label><label>E-mail <input name="email" type="email" autocomplete="email" required></label><label>Street <input name="street" autocomplete="street-address"></label><button class="button">Pay <span id="total"></span></button><p class="hint">Nothing is charged, and nothing you type here is sent anywhere.</p></form>`,
});

export const blogPage = (shop) => shopPage({
  shop, active: "/blog/how-we-glaze", title: "How we glaze",
  body: `<article class="prose"><h1>How we glaze</h1><p class="hint">From the workshop journal, three minutes</p>${picture(products[0])}${journal.map(([heading, paragraphs]) => `${heading && `<h2>${heading}</h2>`}${paragraphs.map((text) => `<p>${escape(text)}</p>`).join("")}`).join("")}<p><a class="button" href="/product/moss-teapot">See the teapot</a></p></article>`,
});

export const missingPage = (shop) => shopPage({
  shop, title: "Not found",
  body: `<h1>Not on this shelf</h1><p>There is no page here.</p><a class="button" href="/products">See the collection</a>`,
});
