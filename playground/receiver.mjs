import express from "express";
import { verifyWebhook } from "wysleap/webhooks";
import { webhooksPage } from "./pages/owner.mjs";

const MAX_RECEIVED = 100;

/** The shop's own receiver of webhooks, and the page that shows what it got. */
export function createReceiver(secret) {
  const received = [];
  const router = express.Router();

  router.post("/receiver", express.raw({ type: "application/json", limit: "100kb" }), (req, res) => {
    const payload = parse(req.body);
    if (!payload) return void res.sendStatus(400);
    // on the bytes as they came: what was parsed and written again may differ from what was signed
    const verified = verifyWebhook(req.body, payload.signature, secret);
    received.unshift({ at: new Date().toISOString(), verified, attempt: Number(req.get("x-wysleap-attempt")) || 1, payload });
    received.length = Math.min(received.length, MAX_RECEIVED);
    res.sendStatus(verified ? 204 : 401);
  });
  router.get("/webhooks", (_, res) => res.send(webhooksPage()));
  router.get("/webhooks/data", (_, res) => res.json(received));
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
