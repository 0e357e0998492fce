// A host that is killed: tracks events without end and says which were acknowledged, or (FINAL) only goes on with what is owed.
import { writeSync } from "node:fs";
import fsDriver from "unstorage/drivers/fs";
import { createAnalytics } from "wysleap";

const { BASE = "", HOOK = "", ROUND = "0", FINAL } = process.env;
const round = Number(ROUND);
const analytics = createAnalytics({
  sites: [{ id: "shop", apiKey: "a-secret-key-of-the-shop-0000", webhooks: [{ url: HOOK, secret: "whsec_d3lzbGVhcC10ZXN0LXZlY3Rvci1zZWNyZXQtMzJieXQ=", events: ["event"] }] }],
  storage: fsDriver({ base: BASE }),
  webhooks: { allowPrivateNetwork: true },
  now: () => Date.now() + round * 4 * 60_000, // those before this one are taken for dead
});

// a checkpoint is made at once, not with the next beat: it is what takes over
await analytics.eraseVisitor("shop", "vis_nobody");
if (FINAL) {
  setInterval(async () => {
    const { webhooks } = await (await analytics.fetch(new Request("http://host/health"))).json();
    if (webhooks.pending > 0) return;
    await analytics.close();
    process.exit(0);
  }, 100);
} else {
  for (let count = 0; ; count++) {
    const name = `round ${round} event ${count}`;
    await analytics.trackEvent({ siteId: "shop", eventName: name, visitorId: `vis_${count % 20}` });
    writeSync(1, `${name}\n`);
    if (count % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
