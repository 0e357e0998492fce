// A receiver of its own process: verifies, remembers how often each webhook came, and tells on GET.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook("whsec_d3lzbGVhcC10ZXN0LXZlY3Rvci1zZWNyZXQtMzJieXQ=");
const arrived = new Map();
const asked = new Set();
let refused = 0;
createServer(async (request, response) => {
  if (request.method === "GET") return void response.end(JSON.stringify({ refused, arrived: [...arrived] }));
  let body = "";
  for await (const chunk of request) body += chunk;
  try {
    // the senders' clocks are ahead on purpose: only the signature is checked
    const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature } = request.headers;
    if (!signature.split(" ").includes(webhook.sign(id, new Date(timestamp * 1000), body))) throw new Error("signature");
    // one in ten fails at first, so that something is owed at any moment
    if (/[0-2]$/.test(id) && asked.size !== asked.add(id).size) {
      response.statusCode = 500;
      return void response.end();
    }
    const { eventName } = JSON.parse(body).data;
    arrived.set(eventName, [...(arrived.get(eventName) ?? []), id]);
    response.statusCode = 204;
  } catch {
    refused++;
    response.statusCode = 401;
  }
  response.end();
}).listen(0, "127.0.0.1", function () {
  process.stdout.write(`${this.address().port}\n`);
});
