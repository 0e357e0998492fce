// The shop's own script: a cart in localStorage, and the custom events a shop would send.
const read = () => {
  try {
    const items = JSON.parse(localStorage.getItem("cart"));
    return Array.isArray(items) ? items : [];
  } catch {
    return []; // somebody else's "cart" on localhost
  }
};
const write = (items) => {
  localStorage.setItem("cart", JSON.stringify(items));
  show();
};
// the tracker's larger self may come after this script: what is called before it is kept for it
window.WysLeap ??= new Proxy({ q: [] }, { get: (stub, name) => stub[name] || ((...args) => void stub.q.push([name, args])) });
const track = (name, data) => window.WysLeap.trackEvent(name, data);
const total = () => read().reduce((sum, item) => sum + item.price, 0);
const element = (tag, text, attributes = {}) => Object.assign(document.createElement(tag), { textContent: text, ...attributes });

function show() {
  const items = read();
  document.querySelector("#cart-count").textContent = items.length ? items.length : "";
  const cart = document.querySelector("#cart");
  if (cart) {
    const rows = items.map((item, index) => {
      const row = element("li", "");
      const remove = element("button", "Remove", { className: "quiet", type: "button" });
      remove.addEventListener("click", () => {
        write(read().filter((_, i) => i !== index));
        track("Removed From Cart", { productId: item.id, price: item.price });
      });
      row.append(element("a", item.name, { href: `/product/${encodeURIComponent(item.id)}` }), element("span", `€${item.price}`), remove);
      return row;
    });
    const list = document.createElement("ul");
    list.className = "cart";
    list.append(...rows);
    cart.replaceChildren(items.length ? list : element("p", "Nothing in it yet."));
    if (items.length) cart.append(element("p", `Total €${total()}`, { className: "price" }), element("a", "Go to checkout", { className: "button", href: "/checkout" }));
    else cart.append(element("a", "See the collection", { className: "button", href: "/products" }));
  }
  const sum = document.querySelector("#total");
  if (sum) sum.textContent = `€${total()}`;
}

document.querySelector("[data-add]")?.addEventListener("click", ({ currentTarget: { dataset } }) => {
  write([...read(), { id: dataset.add, name: dataset.name, price: Number(dataset.price) }]);
  track("Added To Cart", { productId: dataset.add, value: Number(dataset.price), currency: "EUR" });
  document.querySelector("#added").replaceChildren("In your cart. ", element("a", "See it", { href: "/cart" }));
});

for (const button of document.querySelectorAll("[data-sign-up]")) {
  button.addEventListener("click", () => {
    track("Signed Up", { plan: button.dataset.signUp, value: Number(button.dataset.price), currency: "EUR" });
    document.querySelector("#signed-up").textContent = `Welcome to ${button.dataset.signUp}. (It is only a playground.)`;
  });
}

const checkout = document.querySelector("#checkout");
if (checkout && read().length === 0) {
  checkout.replaceChildren(element("p", "There is nothing to pay for yet."), element("a", "See the collection", { className: "button", href: "/products" }));
} else if (checkout) {
  track("Checkout Started", { items: read().length, value: total(), currency: "EUR" });
  checkout.addEventListener("submit", (event) => {
    event.preventDefault();
    track("Purchase Completed", { items: read().length, value: total(), currency: "EUR" });
    write([]);
    checkout.replaceChildren(element("p", "Thank you. Nothing was charged."));
  });
}
show();
