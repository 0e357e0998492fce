import assert from "node:assert/strict";
import type { WebhookRequest, WebhookTransport } from "../webhooks/transport.ts";
import type { ContractCase } from "./case.ts";
import type { Receiver, ReceiverScript } from "./receiver.ts";
import { createReceiver } from "./receiver.ts";

/** A transport that may deliver to loopback over http, and how to let go of it. */
export interface TransportSubject {
  transport: WebhookTransport;
  close?(): Promise<void>;
}

type Create = () => Promise<TransportSubject>;

/** A body with what transports like to spoil: two-, three- and four-byte characters, escapes, a backslash. */
const BODY = '{"event":"event","data":{"name":"Zoë 😀 漢","html":"</script>","path":"C:\\\\x","line":"a\\nb"}}';
const LONG_BODY = `{"text":"${"ä".repeat(30_000)}"}`;

/** What every `WebhookTransport` promises: `for (const { name, run } of transportCases) test(name, () => run(create))`. */
export const transportCases: ContractCase<TransportSubject>[] = [
  {
    name: "the body's bytes arrive unchanged, with their length and uncompressed",
    run: (create) =>
      withReceiver(create, {}, async (transport, receiver) => {
        for (const body of [BODY, LONG_BODY]) {
          await transport(requestTo(receiver.url, body), signal());
          const received = receiver.requests.at(-1);
          assert.equal(received?.method, "POST");
          assert.deepEqual(received?.bytes, Buffer.from(body));
          assert.equal(received?.headers["content-length"], String(Buffer.byteLength(body)));
          assert.equal(received?.headers["content-encoding"], undefined);
        }
      }),
  },
  {
    name: "the headers, path and query of the request arrive as they were given",
    run: (create) =>
      withReceiver(create, {}, async (transport, receiver) => {
        await transport(requestTo(`${receiver.url}/a%20b?x=1&y=%C3%A4`), signal());
        const [received] = receiver.requests;
        assert.equal(received?.url, "/hook/a%20b?x=1&y=%C3%A4");
        assert.equal(received?.headers["content-type"], "application/json; charset=utf-8");
        assert.equal(received?.headers["webhook-id"], "msg_1");
        assert.equal(received?.headers["webhook-signature"], "v1,abc= v1,def=");
      }),
  },
  {
    name: "whatever status comes back is the answer, no error",
    run: (create) =>
      withReceiver(create, {}, async (transport, receiver) => {
        for (const status of [200, 204, 400, 404, 410, 429, 500, 503]) {
          receiver.answer({ status });
          assert.equal((await transport(requestTo(receiver.url), signal())).status, status);
        }
      }),
  },
  {
    name: "a redirect is an answer and is not followed",
    run: (create) =>
      withReceiver(create, {}, async (transport, receiver) => {
        const target = await createReceiver();
        try {
          receiver.answer({ redirect: target.url });
          assert.equal((await transport(requestTo(receiver.url), signal())).status, 302);
          assert.equal(target.requests.length, 0);
        } finally {
          await target.close();
        }
      }),
  },
  {
    name: "Retry-After is read in seconds",
    run: (create) =>
      withReceiver(create, { status: 503, retryAfter: 120 }, async (transport, receiver) => {
        assert.deepEqual(await transport(requestTo(receiver.url), signal()), { status: 503, retryAfter: 120 });
        receiver.answer({ status: 503 });
        assert.equal((await transport(requestTo(receiver.url), signal())).retryAfter, undefined);
      }),
  },
  {
    name: "Retry-After is read as a date",
    run: (create) =>
      withReceiver(create, {}, async (transport, receiver) => {
        receiver.answer(() => ({ status: 429, retryAfter: new Date(Date.now() + 600_000).toUTCString() }));
        const { retryAfter = 0 } = await transport(requestTo(receiver.url), signal());
        assert.ok(retryAfter > 500 && retryAfter <= 600, `${retryAfter} s instead of about 600`);
      }),
  },
  {
    name: "an abort ends an attempt that waits for its answer, and closes the connection",
    run: (create) =>
      withReceiver(create, { hang: true }, async (transport, receiver) => {
        const controller = new AbortController();
        const attempt = transport(requestTo(receiver.url), controller.signal);
        const rejected = assert.rejects(attempt);
        await receiver.received(1);
        controller.abort();
        await rejected;
        await receiver.disconnected();
      }),
  },
  {
    name: "an attempt that was aborted before it began sends nothing",
    run: (create) =>
      withReceiver(create, {}, async (transport, receiver) => {
        await assert.rejects(transport(requestTo(receiver.url), AbortSignal.abort()));
        await transport(requestTo(receiver.url), signal());
        assert.equal(receiver.requests.length, 1);
      }),
  },
  {
    name: "a connection that is refused or reset rejects",
    run: (create) =>
      withReceiver(create, { reset: true }, async (transport, receiver) => {
        await assert.rejects(transport(requestTo(receiver.url), signal()));
        await receiver.close();
        await assert.rejects(transport(requestTo(receiver.url), signal()));
      }),
  },
  {
    name: "an answer without end is cut off, and its status counts",
    run: (create) =>
      withReceiver(create, { status: 202, flood: true }, async (transport, receiver) => {
        assert.equal((await transport(requestTo(receiver.url), signal())).status, 202);
        await receiver.disconnected();
      }),
  },
  {
    name: "deliveries at the same time each get their own answer",
    run: (create) =>
      withReceiver(create, {}, async (transport, receiver) => {
        receiver.answer(({ headers }) => ({ status: Number(headers["x-wysleap-attempt"]) }));
        const expected = Array.from({ length: 20 }, (_, index) => 200 + index);
        const answers = await Promise.all(
          expected.map((status) => transport(requestTo(receiver.url, BODY, { "x-wysleap-attempt": String(status) }), signal())),
        );
        assert.deepEqual(answers.map(({ status }) => status), expected);
      }),
  },
];

type Promised = (transport: WebhookTransport, receiver: Receiver) => Promise<void>;

async function withReceiver(create: Create, script: ReceiverScript, run: Promised) {
  const receiver = await createReceiver({ script });
  const subject = await create();
  try {
    await run(subject.transport, receiver);
  } finally {
    await subject.close?.();
    await receiver.close();
  }
}

function requestTo(url: string, body = BODY, headers: Record<string, string> = {}): WebhookRequest {
  return {
    id: "msg_1",
    url,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "webhook-id": "msg_1",
      "webhook-signature": "v1,abc= v1,def=",
      ...headers,
    },
    body,
  };
}

/** Never aborts: the transport's own limits are not what the case is about. */
function signal(): AbortSignal {
  return new AbortController().signal;
}
