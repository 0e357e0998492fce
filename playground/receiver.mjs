import express from "express";
import { verifyWebhook } from "wysleap/webhooks";
import { webhooksPage } from "./pages/owner.mjs";

const MAX_RECEIVED = 100;

/** The shop's own receiver of webhooks, and the page that shows what it got and what became of each delivery. */
export function createReceiver(secret, webhooks) {
  const received = [];
  let failing = false;
  const router = express.Router();

  router.post("/receiver", express.raw({ type: "application/json", limit: "100kb" }), (req, res) => {
    const payload = parse(req.body);
    if (!payload) return void res.sendStatus(400);
    // on the bytes as they came: what was parsed and written again may differ from what was signed
    const verified = verifyWebhook(req.body, payload.signature, secret);
    received.unshift({ at: new Date().toISOString(), verified, attempt: Number(req.get("x-wysleap-attempt")) || 1, payload });
    received.length = Math.min(received.length, MAX_RECEIVED);
    res.sendStatus(failing ? 503 : verified ? 204 : 401);
  });
  router.get("/webhooks", (_, res) => res.send(webhooksPage()));
  router.get("/webhooks/data", async (_, res) => {
    const { deliveries } = await webhooks.deliveries("demo", { limit: 30 });
    res.json({ received, deliveries, failing });
  });
  router.post("/webhooks/failing/:state", (req, res) => {
    failing = req.params.state === "on";
    res.sendStatus(204);
  });
  router.post("/webhooks/test", async (_, res) => res.json(await webhooks.test("demo")));
  router.post("/webhooks/retry/:id", async (req, res) => res.json({ endpoints: await webhooks.retry("demo", req.params.id) }));
  return router;
}

function parse(body) {
  try {
    const payload = JSON.parse(body);
    return typeof payload === "object" ? payload : undefined;
  } catch {
    return undefined;
  }
}
