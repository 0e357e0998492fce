// A small shop with the library mounted: what `npm start` runs. Everything here is for trying out, keys included.
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import express from "express";
import fsDriver from "unstorage/drivers/fs";
import { createAnalytics } from "wysleap";
import { wysleap } from "wysleap/express";
import { listen } from "./listen.mjs";
import { insightsPage, replaysPage } from "./pages/owner.mjs";
import { PLAYER_POLICY, playerPage } from "./pages/player.mjs";
import { blogPage, cartPage, checkoutPage, homePage, missingPage, pricingPage, productPage, productsPage } from "./pages/shop.mjs";
import { findProduct } from "./products.mjs";
import { createReceiver } from "./receiver.mjs";

// demo constants: yours belong in your environment, and the secret one never in a page
const SECRET_KEY = "playground-secret-key-0000";
const WRITE_KEY = "playground-public-key-0000";
const WEBHOOK_SECRET = "whsec_cGxheWdyb3VuZC13ZWJob29rLXNlY3JldC0zMmJ5dGU=";

// this machine only: Insights asks nobody for a password, and everybody knows the keys
const host = process.env.HOST ?? "127.0.0.1";
const dataFolder = process.env.PLAYGROUND_DATA ?? fileURLToPath(new URL("../.data/playground", import.meta.url));

const app = express();
const server = createServer(app);
const port = await listen(server, Number(process.env.PORT || 3000), host).catch((error) => {
  console.error(`  ${error.message}.`);
  process.exit(1);
});

const analytics = createAnalytics({
  sites: [
    {
      id: "demo",
      name: "Playground shop",
      apiKey: SECRET_KEY,
      writeKey: WRITE_KEY,
      timeZone: "UTC",
      webhooks: [{ url: `http://127.0.0.1:${port}/receiver`, secret: WEBHOOK_SECRET }],
    },
  ],
  storage: fsDriver({ base: dataFolder }),
  replay: { sessionsPerVisitor: 50 }, // you are the only visitor here
  bots: "count", // so that curl and headless browsers see their own hits, with their label
  webhooks: { allowPrivateNetwork: true }, // the receiver is this very process
  logger: { debug() {}, info() {}, warn: console.warn, error: console.error },
});

app.disable("x-powered-by");
app.use((_, res, next) => {
  // the tracker needs no exception from a strict policy; `style` attributes draw the bars of Insights
  res.set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:");
  next();
});
app.use("/public", express.static(fileURLToPath(new URL("public", import.meta.url))));
app.use("/api", wysleap(analytics));

const shop = { siteId: "demo", writeKey: WRITE_KEY };
const pages = { "/": homePage, "/products": productsPage, "/pricing": pricingPage, "/cart": cartPage, "/checkout": checkoutPage, "/blog/how-we-glaze": blogPage };
for (const [path, page] of Object.entries(pages)) app.get(path, (_, res) => res.send(page(shop)));
app.get("/product/:id", (req, res, next) => {
  const product = findProduct(req.params.id);
  if (product) res.send(productPage(shop, product));
  else next();
});

// what the owner sees; the secret key stays in this process
app.get("/insights", (_, res) => res.send(insightsPage()));
app.get("/insights/data", async (_, res) => res.json(await analytics.getVisitors("demo", { days: 14, limit: 30 })));
app.get("/insights/visitor/:id", async (req, res) => {
  const visitor = await analytics.getVisitor("demo", req.params.id);
  if (visitor) res.json(visitor);
  else res.status(404).json({ error: "Nothing is known of this visitor" });
});
app.get("/replays", (_, res) => res.send(replaysPage()));
app.get("/replays/data", async (_, res) => res.json(await analytics.getReplays("demo")));
app.get("/replays/player", (_, res) => res.set("Content-Security-Policy", PLAYER_POLICY).send(playerPage()));
app.get("/replays/events/:id", async (req, res) => {
  const events = await analytics.readReplay("demo", req.params.id, req.query.tab ? String(req.query.tab) : undefined);
  if (!events) return void res.status(404).json({ error: "There is no such replay" });
  res.type("application/x-ndjson");
  for await (const line of events) res.write(`${line}\n`);
  res.end();
});
app.use("/vendor/rrweb-replay.js", express.static(fileURLToPath(import.meta.resolve("@rrweb/replay")).replace(/index\.\w+$/, "replay.js")));
app.use(createReceiver(WEBHOOK_SECRET, analytics.webhooks));
app.use((_, res) => res.status(404).send(missingPage(shop)));
app.use((error, _req, res, next) => {
  if (res.headersSent) return void next(error);
  const status = error.status ?? 500;
  if (status >= 500) console.error(error);
  res.status(status).json({ error: status >= 500 ? "Internal server error" : error.message });
});

const origin = `http://localhost:${port}`;
console.log(`
  Shop      ${origin}/
  Insights  ${origin}/insights   visitors, scores and why
  Replays   ${origin}/replays    what visitors did, played back
  Webhooks  ${origin}/webhooks   what the shop's receiver got, and whether it verified
  API       ${origin}/api/openapi.json

  Data is kept in ${dataFolder}
  Click around in the shop with Insights open beside it, or try:

  curl -X POST ${origin}/api/telemetry/pageview -H "Content-Type: application/json" -H "X-API-Key: ${SECRET_KEY}" -d '{"siteId":"demo","pageUrl":"${origin}/pricing","visitorId":"vis_hello_from_curl"}'

  Ctrl+C stops it.
`);

let stopping = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    if (stopping) process.exit(1); // a second Ctrl+C does not wait
    stopping = true;
    server.close();
    server.closeIdleConnections();
    await analytics.close();
    server.closeAllConnections();
    process.exit(0);
  });
}
