/** The shop's goods. Pictures are drawn from two colours and a shape. */
export const products = [
  { id: "harbour-mug", name: "Harbour Mug", price: 24, colours: ["#1f6f8b", "#cfe8ef"], shape: "mug", text: "Holds 350 ml and the heat of a long morning." },
  { id: "dune-bowl", name: "Dune Bowl", price: 32, colours: ["#c58f5c", "#f6e7d3"], shape: "bowl", text: "Wide and low, for noodles, salads and keys." },
  { id: "moss-teapot", name: "Moss Teapot", price: 78, colours: ["#4f7a54", "#dcecd9"], shape: "teapot", text: "Pours without a drip; we tried four hundred spouts." },
  { id: "ember-vase", name: "Ember Vase", price: 56, colours: ["#b4532a", "#f8ddcf"], shape: "vase", text: "For one branch or a whole bunch." },
  { id: "slate-plate", name: "Slate Plate", price: 28, colours: ["#4b5563", "#e3e7ec"], shape: "plate", text: "27 cm, stacks flat, survives the dishwasher." },
  { id: "plum-cup", name: "Plum Cup", price: 19, colours: ["#7a3b69", "#f1dcec"], shape: "cup", text: "A small one, for espresso and secrets." },
];

export const findProduct = (id) => products.find((product) => product.id === id);

// each stands on y = 150, centred on x = 100; the white parts are light on the glaze
const shapes = {
  mug: '<path d="M122 78h16a22 22 0 0 1 0 46h-14" fill="none" stroke="currentColor" stroke-width="10"/><path d="M60 58h68v76a16 16 0 0 1-16 16H76a16 16 0 0 1-16-16z"/><path d="M60 58h68v14c-20 12-48-4-68 6z" fill="#fff" fill-opacity=".28"/>',
  bowl: '<path d="M36 88h128c0 36-20 56-44 60v2H80v-2c-24-4-44-24-44-60z"/><path d="M36 88h128l-2 14c-38 14-86-4-124 4z" fill="#fff" fill-opacity=".28"/>',
  teapot: '<path d="M62 92c-34-8-40 44 2 44" fill="none" stroke="currentColor" stroke-width="9"/><path d="M134 122c20-4 22-28 40-34l-4-10c-26 4-28 20-42 26z"/><path d="M58 112c0-26 18-38 44-38s44 12 44 38c0 22-12 36-26 38H84c-14-2-26-16-26-38z"/><path d="M78 77c4-9 44-9 48 0z"/><circle cx="102" cy="64" r="7"/><path d="M60 102c24 10 60-8 84 0-6-20-22-28-42-28s-37 8-42 28z" fill="#fff" fill-opacity=".2"/>',
  vase: '<path d="M84 44h32c-2 16 0 22 10 34 16 20 10 56-8 72H82c-18-16-24-52-8-72 10-12 12-18 10-34z"/><path d="M84 44h32c-1 10-1 15 2 21-10 6-26-2-36 0 3-6 3-11 2-21z" fill="#fff" fill-opacity=".28"/>',
  plate: '<ellipse cx="100" cy="122" rx="74" ry="28"/><ellipse cx="100" cy="118" rx="72" ry="23" fill="#fff" fill-opacity=".22"/><ellipse cx="100" cy="119" rx="48" ry="14"/>',
  cup: '<path d="M118 104h12a14 14 0 0 1 0 28h-14" fill="none" stroke="currentColor" stroke-width="8"/><path d="M70 92h54c0 30-4 52-14 58H84c-10-6-14-28-14-58z"/><path d="M70 92h54l-1 13c-18 7-36-5-52 1z" fill="#fff" fill-opacity=".28"/>',
};

/** Numbers and constants only, so nothing to escape. */
export const picture = ({ colours: [front, back], shape, name }) =>
  `<svg class="picture" viewBox="0 0 200 190" role="img" aria-label="${name}"><rect width="200" height="190" fill="${back}"/><ellipse cx="100" cy="151" rx="66" ry="8" fill="#000" fill-opacity=".1"/><g fill="currentColor" color="${front}">${shapes[shape]}</g></svg>`;
