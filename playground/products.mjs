/** The shop's goods. Pictures are drawn from two colours and a shape. */
export const products = [
  { id: "harbour-mug", name: "Harbour Mug", price: 24, colours: ["#1f6f8b", "#cfe8ef"], shape: "mug", text: "Holds 350 ml and the heat of a long morning." },
  { id: "dune-bowl", name: "Dune Bowl", price: 32, colours: ["#c58f5c", "#f6e7d3"], shape: "bowl", text: "Wide and low, for noodles, salads and keys." },
  { id: "moss-teapot", name: "Moss Teapot", price: 78, colours: ["#4f7a54", "#dcecd9"], shape: "teapot", text: "Pours without a drip; we tried four hundred spouts." },
  { id: "ember-vase", name: "Ember Vase", price: 56, colours: ["#b4532a", "#f8ddcf"], shape: "vase", text: "For one branch or a whole bunch." },
  { id: "slate-plate", name: "Slate Plate", price: 28, colours: ["#4b5563", "#e3e7ec"], shape: "plate", text: "27 cm, stacks flat, survives the dishwasher." },
  { id: "plum-cup", name: "Plum Cup", price: 19, colours: ["#7a3b69", "#f1dcec"], shape: "mug", text: "A small one, for espresso and secrets." },
];

export const findProduct = (id) => products.find((product) => product.id === id);

const shapes = {
  mug: '<rect x="58" y="52" width="70" height="84" rx="10"/><path d="M128 70h14a18 18 0 0 1 0 44h-14" fill="none" stroke="currentColor" stroke-width="10"/>',
  bowl: '<path d="M40 76h120a60 56 0 0 1-44 62H84a60 56 0 0 1-44-62z"/>',
  teapot: '<ellipse cx="98" cy="102" rx="46" ry="40"/><path d="M142 92l26-18-8 36z"/><path d="M54 90a22 22 0 1 0 0 30" fill="none" stroke="currentColor" stroke-width="9"/><circle cx="98" cy="58" r="8"/>',
  vase: '<path d="M84 44h32l-4 26a42 42 0 0 1 16 34c0 22-14 40-28 40s-28-18-28-40a42 42 0 0 1 16-34z"/>',
  plate: '<ellipse cx="100" cy="100" rx="64" ry="26"/><ellipse cx="100" cy="96" rx="40" ry="14" fill="#fff" fill-opacity=".35"/>',
};

export const picture = ({ colours: [front, back], shape, name }) =>
  `<svg viewBox="0 0 200 190" role="img" aria-label="${name}" style="color:${front};background:${back}"><ellipse cx="100" cy="150" rx="62" ry="9" fill="#000" fill-opacity=".1"/><g fill="currentColor">${shapes[shape]}</g></svg>`;
