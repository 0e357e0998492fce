import assert from "node:assert/strict";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import type { ContractCase, HttpSubject } from "./case.ts";
import { assertError, assertOk, httpCase, KEYS, pageview, send } from "./http-client.ts";

const AT = "/telemetry/pageview";
const PLAIN = { "content-type": "text/plain;charset=UTF-8" };
const text = (more: object = {}) => JSON.stringify(pageview({ _apiKey: KEYS.secret, ...more }));

/** What a body parser of the host may stand in front of: the bodies it takes too must come through. */
export const bodyCases: ContractCase<HttpSubject>[] = [
  httpCase("a beacon's text/plain, plain bytes and a body without a type are read as JSON", async (server) => {
    assertOk(await send(server, AT, { body: text(), headers: PLAIN }));
    assertOk(await send(server, AT, { body: text(), headers: { "content-type": "application/octet-stream" } }));
    assertOk(await send(server, AT, { body: text(), headers: { "content-type": "application/json; charset=utf-8" } }));
    assertOk(await send(server, AT, { body: new Uint8Array(Buffer.from(text())), headers: PLAIN }));
  }),
  httpCase("a compressed body is inflated, once", async (server) => {
    const gzip = gzipSync(text());
    for (const type of ["application/json", "text/plain"]) {
      const headers = { "content-type": type, "content-encoding": "gzip" };
      assertOk(await send(server, AT, { body: gzip, headers }));
    }
    const coded = (coding: string) => ({ ...PLAIN, "content-encoding": coding });
    assertOk(await send(server, AT, { body: brotliCompressSync(text()), headers: coded("br") }));
    assertOk(await send(server, AT, { body: deflateSync(text()), headers: coded("deflate") }));
    const twice = await send(server, AT, { body: gzipSync(gzip), headers: coded("gzip, gzip") });
    assertError(twice, 415, "UNSUPPORTED_ENCODING");
    assertError(await send(server, AT, { body: text(), headers: coded("zstd") }), 415, "UNSUPPORTED_ENCODING");
    assertError(await send(server, AT, { body: text(), headers: coded("gzip") }), 400, "VALIDATION_ERROR");
  }),
  httpCase("a bomb is refused: 8 MB of spaces in a few bytes", async (server) => {
    const spaces = Buffer.alloc(8 * 1024 * 1024, " ");
    for (const [coding, bomb] of [["gzip", gzipSync(spaces)], ["br", brotliCompressSync(spaces)]] as const) {
      const answer = await send(server, AT, { body: bomb, headers: { ...PLAIN, "content-encoding": coding } });
      assertError(answer, 413, "PAYLOAD_TOO_LARGE");
    }
  }),
  httpCase("what is not a JSON object is a 400 that says so, and the connection stays usable", async (server) => {
    for (const body of ["", "{", "nonsense", "[]", "null", "1", '"text"', '{"siteId":"demo"', "{'siteId':1}"]) {
      const answer = await send(server, AT, { method: "POST", body, key: KEYS.secret, headers: PLAIN });
      assertError(answer, 400, "VALIDATION_ERROR", /JSON/);
    }
    assertOk(await send(server, AT, { body: text(), headers: PLAIN }));
  }),
  httpCase("broken UTF-8 is a 400, a byte order mark is none of the text, another charset is a 415", async (server) => {
    const broken = Buffer.concat([Buffer.from('{"siteId":"demo","pageTitle":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    const octets = { "content-type": "application/octet-stream" };
    assertError(await send(server, AT, { body: broken, key: KEYS.secret, headers: octets }), 400, "VALIDATION_ERROR", /UTF-8/);
    assertOk(await send(server, AT, { body: `\uFEFF${text()}`, headers: octets }));
    const latin = { "content-type": "text/plain; charset=iso-8859-1" };
    const answer = await send(server, AT, { body: text(), headers: latin });
    assertError(answer, 415, "UNSUPPORTED_ENCODING");
  }),
  httpCase("a form is refused with 415", async (server) => {
    for (const type of ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const answer = await send(server, AT, { body: text(), headers: { "content-type": type } });
      assertError(answer, 415, "UNSUPPORTED_ENCODING");
    }
  }),
  httpCase("64 KiB are read and one byte more is a 413", async (server) => {
    const room = 64 * 1024 - Buffer.byteLength(text({ extra: "" }));
    assertOk(await send(server, AT, { body: text({ extra: "x".repeat(room) }) }));
    const answer = await send(server, AT, { body: text({ extra: "x".repeat(room + 1) }) });
    assertError(answer, 413, "PAYLOAD_TOO_LARGE");
  }),
  httpCase("a chunked body is cut off at its limit", async (server) => {
    const chunk = new Uint8Array(8 * 1024).fill(32);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent++ < 2_000) controller.enqueue(chunk);
        else controller.close();
      },
    });
    const headers = { ...PLAIN, "x-api-key": KEYS.secret };
    const init = { method: "POST", headers, body, duplex: "half" };
    const status = await fetch(server.base + AT, init as RequestInit).then(
      (response) => response.status,
      // the server may hang up before the client has stopped sending
      () => 413,
    );
    assert.equal(status, 413);
    assert.ok(sent < 2_000, "the whole body was taken");
    assertOk(await send(server, AT, { body: text(), headers: PLAIN }));
  }),
  httpCase("32 levels are read, 33 are a 400, and 100,000 too", async (server) => {
    const nested = (levels: number) => {
      const inner = `${'{"a":'.repeat(levels - 1)}1${"}".repeat(levels - 1)}`;
      return `${text().slice(0, -1)},"extra":${inner}}`;
    };
    const deep = (levels: number) => send(server, AT, { body: nested(levels), headers: PLAIN });
    assertOk(await deep(32));
    assertError(await deep(33), 400, "VALIDATION_ERROR", /32/);
    const brackets = `{"siteId":"demo","a":${"[".repeat(60_000)}`;
    assertError(await send(server, AT, { body: brackets, headers: PLAIN }), 400, "VALIDATION_ERROR", /32/);
  }),
  httpCase("keys that reach a prototype do no harm and the hit is kept", async (server) => {
    const poison = `${text().slice(0, -1)},"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`;
    assertOk(await send(server, AT, { body: poison }));
    assertOk(await send(server, AT, { body: poison, headers: PLAIN }));
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  }),
];
