import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterEach, describe, expect, test } from "vitest";
import type { Receiver, ReceiverScript } from "../../src/testing/receiver.ts";
import { createReceiver } from "../../src/testing/receiver.ts";
import { transportCases } from "../../src/testing/transport-cases.ts";
import type { HttpsTransportOptions, Lookup } from "../../src/webhooks/https-transport.ts";
import { createHttpsTransport, MAX_SOCKETS, MAX_SOCKETS_PER_ENDPOINT } from "../../src/webhooks/https-transport.ts";
import { addressTable, LOCAL_NAMES, SPELLINGS_OF_LOOPBACK } from "./address-table.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function receiverOf(script?: ReceiverScript): Promise<Receiver> {
  const receiver = await createReceiver({ script });
  closers.push(receiver.close);
  return receiver;
}

const deliveryTo = (url: string) => ({ id: "msg_1", url, headers: { "webhook-id": "msg_1" }, body: '{"a":1}' });
const send = (options: HttpsTransportOptions, url: string, signal = new AbortController().signal) => createHttpsTransport(options)(deliveryTo(url), signal);
const codeOf = (promise: Promise<unknown>) => promise.then(() => "delivered", (error) => error.code);
/** Answers these addresses to every look-up, and counts them. */
function answering(...addresses: string[]) {
  const asked: string[] = [];
  const lookup: Lookup = (hostname, _options, callback) => {
    asked.push(hostname);
    setImmediate(callback, null, addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })));
  };
  return { lookup, asked };
}
/** A connector that records what it was asked for and never connects. */
function recording() {
  const calls: https.RequestOptions[] = [];
  const request = ((options: https.RequestOptions) => {
    calls.push(options);
    throw Object.assign(new Error("recorded"), { code: "recorded" });
  }) as unknown as typeof https.request;
  return { request, calls };
}

describe("the contract of every transport", () => {
  test.each(transportCases)("$name", ({ run }) => run(async () => ({ transport: createHttpsTransport({ allowPrivateNetwork: true }) })));
});

describe("addresses", () => {
  const blocked = addressTable.filter(({ verdict }) => verdict === "blocked");
  const hosts = blocked.filter(({ ip }) => !ip.includes("%")).map(({ ip }) => (ip.includes(":") ? `[${ip}]` : ip));

  test("no blocked address and no local name ever reaches the connector or the resolver", async () => {
    const { request, calls } = recording();
    const { lookup, asked } = answering("8.8.8.8");
    const all = [...hosts, ...SPELLINGS_OF_LOOPBACK, ...LOCAL_NAMES];
    expect(all.length).toBeGreaterThan(100);
    for (const host of all) {
      for (const scheme of ["https", "http"]) {
        expect(await codeOf(send({ lookup, request, allowInsecure: true }, `${scheme}://${host}/hook`)), host).toBe("blocked_address");
      }
    }
    expect(calls).toEqual([]);
    expect(asked).toEqual([]);
  });

  test.each(blocked)("a name that leads to $ip is refused, also when another of its addresses is public", async ({ ip }) => {
    const { request, calls } = recording();
    for (const answers of [[ip], ["8.8.8.8", ip], [ip, "8.8.8.8"]]) {
      expect(await codeOf(send({ request, lookup: answering(...answers).lookup }, "https://hooks.example/"))).toBe("blocked_address");
    }
    expect(calls).toEqual([]);
  });

  test("a public address is asked for once and handed on to the connection as it was checked", async () => {
    const { request, calls } = recording();
    const { lookup, asked } = answering("93.184.215.14", "2606:2800:21f::1");
    expect(await codeOf(send({ request, lookup }, "https://hooks.example:8443/a?b=c"))).toBe("recorded");
    const [options] = calls;
    expect(options).toMatchObject({ host: "hooks.example", port: "8443", path: "/a?b=c", method: "POST", rejectUnauthorized: true });
    const pinned = options?.lookup as NonNullable<https.RequestOptions["lookup"]>;
    const answer = (all: boolean) => new Promise((resolve) => pinned("other.example", { all }, (...result) => resolve(result)));
    expect(await answer(true)).toEqual([null, [{ address: "93.184.215.14", family: 4 }, { address: "2606:2800:21f::1", family: 6 }]]);
    expect(await answer(false)).toEqual([null, "93.184.215.14", 4]);
    expect(asked).toEqual(["hooks.example"]);
  });

  test("a name that turns from a public address to loopback is refused (DNS rebinding)", async () => {
    const { request, calls } = recording();
    const answers = ["93.184.215.14", "127.0.0.1"];
    const lookup: Lookup = (_hostname, _options, callback) => callback(null, [{ address: answers.shift() ?? "127.0.0.1", family: 4 }]);
    const transport = createHttpsTransport({ request, lookup });
    expect(await codeOf(transport(deliveryTo("https://hooks.example/"), new AbortController().signal))).toBe("recorded");
    expect(await codeOf(transport(deliveryTo("https://hooks.example/"), new AbortController().signal))).toBe("blocked_address");
    expect(calls).toHaveLength(1);
  });

  test("a redirect to the inside is not followed", async () => {
    const inside = await receiverOf();
    const receiver = await receiverOf({ redirect: inside.url });
    expect(await send({ allowPrivateNetwork: true }, receiver.url)).toEqual({ status: 302 });
    expect(inside.connections).toBe(0);
  });

  test("http to a name that may be loopback is refused when it is not", async () => {
    const { request, calls } = recording();
    expect(await codeOf(send({ request, lookup: answering("10.0.0.1").lookup, allowPrivateNetwork: true }, "http://hook.localhost:3000/"))).toBe("blocked_address");
    expect(calls).toEqual([]);
    const receiver = await receiverOf();
    const url = receiver.url.replace("127.0.0.1", "hook.localhost");
    expect(await send({ lookup: answering("127.0.0.1").lookup, allowPrivateNetwork: true }, url)).toEqual({ status: 200 });
    expect(receiver.requests[0]?.headers.host).toBe(new URL(url).host);
  });

  test("a name without an address, and a resolver that fails, are told by their code", async () => {
    const failing: Lookup = (_hostname, _options, callback) => callback(Object.assign(new Error("no"), { code: "EAI_AGAIN" }), []);
    expect(await codeOf(send({ lookup: answering().lookup }, "https://hooks.example/"))).toBe("ENOTFOUND");
    expect(await codeOf(send({ lookup: failing }, "https://hooks.example/"))).toBe("EAI_AGAIN");
    expect(await codeOf(send({ lookup: answering("not an address").lookup }, "https://hooks.example/"))).toBe("blocked_address");
  });
});

describe("hostile receivers", () => {
  const quick = { allowPrivateNetwork: true, totalTimeoutMs: 200, connectTimeoutMs: 100 };

  test("one that never answers costs the total timeout and no more", async () => {
    const receiver = await receiverOf({ hang: true });
    expect(await codeOf(send(quick, receiver.url))).toBe("timeout");
    await receiver.disconnected();
  });

  test("one that accepts and never speaks TLS costs the connect timeout", async () => {
    const silent = createTcpServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    closers.push(() => silent.close());
    const started = codeOf(send({ ...quick, totalTimeoutMs: 60_000 }, `https://127.0.0.1:${(silent.address() as AddressInfo).port}/`));
    expect(await started).toBe("timeout");
  });

  test("a resolver that never answers costs the total timeout", async () => {
    expect(await codeOf(send({ totalTimeoutMs: 100, lookup: () => {} }, "https://hooks.example/"))).toBe("timeout");
  });

  test("one that drips its answer has answered; its connection is cut", async () => {
    const receiver = await receiverOf({ status: 200, dripMs: 10 });
    expect(await send({ allowPrivateNetwork: true }, receiver.url)).toEqual({ status: 200 });
    await receiver.disconnected();
  });

  test("of a gigantic or compressed answer at most 1 KiB is taken, and nothing is inflated", async () => {
    let sent = 0;
    const server = http.createServer((request, response) => {
      request.resume();
      response.writeHead(200, { "content-encoding": "gzip" });
      const chunk = Buffer.alloc(64 * 1024);
      const more = () => {
        do sent += chunk.length;
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more);
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => server.close());
    expect(await send({ allowPrivateNetwork: true }, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).toEqual({ status: 200 });
    expect(sent).toBeLessThan(16 * 1024 * 1024); // what the kernel's buffers took
  });

  test("what is no HTTP at all rejects", async () => {
    const server = createTcpServer((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => server.close());
    expect(await codeOf(send({ allowPrivateNetwork: true }, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`))).toMatch(/^HPE_/);
  });
});

describe("connections", () => {
  test("are kept and used again for the same endpoint", async () => {
    const receiver = await receiverOf({ body: "ok" });
    const transport = createHttpsTransport({ allowPrivateNetwork: true });
    for (let count = 0; count < 5; count++) await transport(deliveryTo(receiver.url), new AbortController().signal);
    expect(receiver.connections).toBe(1);
  });

  test("are at most 4 an endpoint, and a hanging endpoint does not hold up another on the same host", async () => {
    const receiver = await receiverOf(({ url }) => (url === "/hook/dead" ? { hang: true } : { delayMs: 20 }));
    const transport = createHttpsTransport({ allowPrivateNetwork: true });
    const stop = new AbortController();
    const dead = Array.from({ length: 10 }, () => codeOf(transport(deliveryTo(`${receiver.url}/dead`), stop.signal)));
    await receiver.received(MAX_SOCKETS_PER_ENDPOINT);
    const answers = await Promise.all(Array.from({ length: 12 }, () => transport(deliveryTo(`${receiver.url}/live`), new AbortController().signal)));
    expect(answers).toHaveLength(12);
    expect(receiver.connections).toBe(2 * MAX_SOCKETS_PER_ENDPOINT);
    stop.abort();
    expect(new Set(await Promise.all(dead))).toEqual(new Set(["aborted"]));
  });

  test("are at most 64 in all, and kept ones give way to an endpoint that has none", async () => {
    const receiver = await receiverOf();
    const transport = createHttpsTransport({ allowPrivateNetwork: true });
    for (let endpoint = 0; endpoint < MAX_SOCKETS + 20; endpoint++) {
      await transport(deliveryTo(`${receiver.url}/${endpoint}`), new AbortController().signal);
    }
    expect(receiver.requests).toHaveLength(MAX_SOCKETS + 20);
    expect(receiver.open).toBeLessThanOrEqual(MAX_SOCKETS);
  });

  test("one that the receiver closed while idle is replaced within the same attempt", async () => {
    let count = 0;
    const server = createTcpServer((socket) => {
      let served = 0;
      socket.on("error", () => {});
      socket.on("data", () => {
        if (served++ > 0) socket.resetAndDestroy(); // "closed" exactly when the second request is under way
        else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
      });
      count++;
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => server.close());
    const transport = createHttpsTransport({ allowPrivateNetwork: true });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    for (let round = 0; round < 2; round++) expect(await transport(deliveryTo(url), new AbortController().signal)).toEqual({ status: 200 });
    expect(count).toBe(2);
  });
});

describe("TLS", () => {
  function certificate() {
    const folder = mkdtempSync(join(tmpdir(), "certificate-"));
    closers.push(() => rmSync(folder, { recursive: true }));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    execFileSync("openssl", [...args, "-subj", "/CN=hooks.example", "-addext", "subjectAltName=DNS:hooks.example", "-keyout", key, "-out", cert], { stdio: "ignore" });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  }

  test("a delivery goes over TLS to the checked address, and only to a receiver whose certificate fits the name", async () => {
    const { key, cert } = certificate();
    const server = https.createServer({ key, cert }, (request, response) => {
      request.resume();
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { lookup } = answering("127.0.0.1");
    const request = ((options: https.RequestOptions) => https.request({ ...options, ca: cert })) as typeof https.request;
    expect(await send({ lookup, request, allowPrivateNetwork: true }, `https://hooks.example:${port}/`)).toEqual({ status: 204 });
    expect(await codeOf(send({ lookup, request, allowPrivateNetwork: true }, `https://other.example:${port}/`))).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(await codeOf(send({ lookup, allowPrivateNetwork: true }, `https://hooks.example:${port}/`))).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
  });
});

test("a receiver that hangs does not keep the host's process", async () => {
  const receiver = await receiverOf({ hang: true });
  const folder = mkdtempSync(join(tmpdir(), "process-"));
  closers.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "app.mjs");
  await build({
    stdin: {
      contents: `
        import { createHttpsTransport } from "./src/webhooks/https-transport.ts";
        const attempt = createHttpsTransport({ allowPrivateNetwork: true })({ id: "m", url: ${JSON.stringify(receiver.url)}, headers: {}, body: "{}" }, new AbortController().signal);
        attempt.then(() => console.log("answered"), (error) => console.log(error.code));
        setTimeout(() => console.log("done"), 150);`,
      resolveDir: process.cwd(),
      loader: "ts",
    },
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: file,
  });
  const output = await new Promise((resolve, reject) => execFile(process.execPath, [file], { timeout: 10_000 }, (error, stdout) => (error ? reject(error) : resolve(stdout))));
  expect(output).toBe("done\n"); // it left while the attempt, which has 15 s, was still under way
  expect(receiver.requests).toHaveLength(1);
});
