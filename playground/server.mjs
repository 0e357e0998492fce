// A small shop with the library mounted: what `npm start` runs. Everything here is for trying out, keys included.
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import express from "express";
import fsDriver from "unstorage/drivers/fs";
import { createAnalytics } from "wysleap";
import { wysleap } from "wysleap/express";
import { verifyWebhook } from "wysleap/webhooks";
import { blogPage, cartPage, checkoutPage, homePage, insightsPage, pricingPage, productPage, productsPage, webhooksPage } from "./pages.mjs";
import { findProduct } from "./products.mjs";

// demo keys: yours belong in your environment, and the secret one never in a page
const SECRET_KEY = "playground-secret-key-0000";
const WRITE_KEY = "playground-public-key-0000";
const WEBHOOK_SECRET = "whsec_cGxheWdyb3VuZC13ZWJob29rLXNlY3JldC0zMmJ5dGU=";

const PORTS_TO_TRY = 10;
const MAX_RECEIVED = 100;
const dataFolder = process.env.PLAYGROUND_DATA ?? fileURLToPath(new URL("../.data/playground", import.meta.url));

const app = express();
const server = createServer(app);
const port = await listen(Number(process.env.PORT ?? 3000));
const origin = `http://localhost:${port}`;

const analytics = createAnalytics({
  sites: [
    {
      id: "demo",
      name: "Playground shop",
      apiKey: SECRET_KEY,
      writeKey: WRITE_KEY,
      webhooks: [{ url: `http://127.0.0.1:${port}/receiver`, secret: WEBHOOK_SECRET }],
    },
  ],
  storage: fsDriver({ base: dataFolder }),
  bots: "count", // so that curl and headless browsers see their own hits, with their label
  webhooks: { allowPrivateNetwork: true }, // the receiver is this very process
  logger: { debug() {}, info() {}, warn: console.warn, error: console.error },
});

app.disable("x-powered-by");
app.use("/public", express.static(fileURLToPath(new URL("public", import.meta.url))));
app.use("/api", wysleap(analytics));

const shop = { siteId: "demo", writeKey: WRITE_KEY };
app.get("/", (_, res) => res.send(homePage(shop)));
app.get("/products", (_, res) => res.send(productsPage(shop)));
app.get("/product/:id", (req, res, next) => {
  const product = findProduct(req.params.id);
  if (product) res.send(productPage(shop, product));
  else next();
});
app.get("/pricing", (_, res) => res.send(pricingPage(shop)));
app.get("/cart", (_, res) => res.send(cartPage(shop)));
app.get("/checkout", (_, res) => res.send(checkoutPage(shop)));
app.get("/blog/how-we-glaze", (_, res) => res.send(blogPage(shop)));

// what the owner sees; the secret key stays in this process
app.get("/insights", (_, res) => res.send(insightsPage()));
app.get("/insights/data", async (req, res) => {
  const days = Math.min(90, Math.max(1, Number(req.query.days) || 14));
  res.json(await analytics.getVisitors("demo", { days, limit: 30 }));
});
app.get("/insights/visitor/:id", async (req, res) => {
  const visitor = await analytics.getVisitor("demo", req.params.id);
  if (visitor) res.json(visitor);
  else res.status(404).json({ error: "Nothing is known of this visitor" });
});

const received = [];
app.post("/receiver", express.text({ type: "*/*", limit: "100kb" }), (req, res) => {
  let payload;
  try {
    payload = JSON.parse(req.body);
  } catch {
    return void res.sendStatus(400);
  }
  const verified = verifyWebhook(payload, String(payload.signature), WEBHOOK_SECRET);
  received.unshift({ at: new Date().toISOString(), verified, attempt: Number(req.get("x-wysleap-attempt")), payload });
  received.length = Math.min(received.length, MAX_RECEIVED);
  res.sendStatus(verified ? 200 : 401);
});
app.get("/webhooks", (_, res) => res.send(webhooksPage()));
app.get("/webhooks/data", (_, res) => res.json(received));

console.log(`
  Shop      ${origin}/
  Insights  ${origin}/insights   visitors, scores and why
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

/** Listens on the first free port from `first` on. */
async function listen(first) {
  for (let tried = 0; tried < PORTS_TO_TRY; tried++) {
    const wanted = first === 0 ? 0 : first + tried;
    try {
      await new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(wanted, () => {
          server.off("error", reject);
          resolve();
        });
      });
      return server.address().port;
    } catch (error) {
      if (error.code !== "EADDRINUSE") throw error;
      console.log(`  Port ${wanted} is taken; trying ${wanted + 1}.`);
    }
  }
  console.error(`  No free port from ${first} to ${first + PORTS_TO_TRY - 1}; set PORT to another.`);
  process.exit(1);
}
