// One server process: node worker.mjs '<JSON of WorkerSettings in worker.ts>'. It tells its port over IPC and writes
// nothing itself, so that whatever appears on stdout or stderr is the library's doing, or an unhandled error.
import { createServer } from "node:http";
import express from "express";
import { createAnalytics } from "wysleap";
import { wysleap } from "wysleap/express";

const settings = JSON.parse(process.argv[2]);

async function openStorage({ driver, base, port }) {
  if (driver === "broken") {
    const fail = async () => { throw new Error("this storage never works"); };
    return { name: "broken", getItem: fail, getItemRaw: fail, setItem: fail, setItemRaw: fail, removeItem: fail, hasItem: fail, getKeys: fail };
  }
  if (driver === "redis") {
    const { default: redisDriver } = await import("unstorage/drivers/redis");
    return redisDriver({ base, host: "127.0.0.1", port, maxRetriesPerRequest: 1 });
  }
  const { default: fsDriver } = await import("unstorage/drivers/fs");
  return fsDriver({ base });
}

const analytics = createAnalytics({
  sites: [
    { id: "shop", apiKey: settings.apiKey, plan: 10_000_000 },
    { id: "small", apiKey: settings.apiKey, plan: settings.smallPlan ?? 1 },
  ],
  storage: await openStorage(settings.place),
  ...(settings.offsetMs && { now: () => Date.now() + settings.offsetMs }),
});

const app = express();
app.get("/own", (_request, response) => void response.send("own"));
app.use("/api", wysleap(analytics));
const server = createServer(app);

// the README's way to end
process.once("SIGTERM", async () => {
  server.close(); // no new connections; clients that keep theirs open and busy would make it wait for ever
  await analytics.close();
  process.exit(0);
});
// an app that never heard of close()
process.once("SIGUSR2", () => server.close());

process.on("message", (message) => {
  if (message === "close") analytics.close().catch(() => {});
  if (message === "memory") process.send({ rss: process.memoryUsage().rss });
});
// the test's own channel must not be what keeps the process alive, nor its end what hides that
process.channel.unref();
process.once("disconnect", () => process.exit(1)); // the test is gone
server.listen(settings.listen ?? 0, "127.0.0.1", () => process.send({ port: server.address().port }));
