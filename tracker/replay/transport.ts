const enum Limit {
  ChunkLength = 64_000,
  /** Characters that wait; beyond, the server or the network cannot keep up and recording ends. */
  WaitingLength = 4_000_000,
  /** In all requests that outlive the page together: the browser allows 64 KiB. */
  BeaconLength = 60_000,
  Tries = 10,
}

const enum Pace {
  FlushMs = 5_000,
  FirstPauseMs = 1_000,
  PauseMs = 60_000,
}

interface Chunk {
  seq: number;
  events: string[];
  length: number;
}

export interface TransportParts {
  endpoint: string;
  /** What every request says: site, key, ids, tab. Undefined: the visitor has opted out. */
  who(): Record<string, unknown> | undefined;
  /** The number of the tab's next chunk. */
  seq: number;
  /** The server wants no more, or the visitor. */
  ended(reason: string): void;
}

/** Carries events in numbered chunks, each until it is answered; one request at a time, so they arrive in order. */
export const createTransport = ({ endpoint, who, seq, ended }: TransportParts) => {
  let buffer: string[] = [];
  let length = 0;
  let waiting: Chunk[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let busy = false;
  let tries = 0;
  let over = false;

  const end = (reason: string) => {
    over = true;
    buffer = [];
    waiting = [];
    clearTimeout(timer);
    ended(reason);
  };

  const close = () => {
    if (length) waiting.push({ seq: seq++, events: buffer, length });
    buffer = [];
    length = 0;
  };

  const toBody = (chunk: Chunk): string | undefined => {
    const ids = who();
    return ids && JSON.stringify({ ...ids, seq: chunk.seq, sentAt: Date.now(), events: chunk.events });
  };

  const post = async (body: string): Promise<{ status: number; reason?: string }> => {
    const headers: Record<string, string> = {};
    let packed: BodyInit = body;
    if (window.CompressionStream) {
      packed = await new Response(new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"))).blob();
      headers["content-encoding"] = "gzip";
      headers["content-type"] = "text/plain";
    }
    const answer = await fetch(endpoint, { method: "POST", body: packed, headers, keepalive: (packed as Blob).size < Limit.BeaconLength / 2 });
    const { accepted, reason } = answer.ok ? await answer.json() : { accepted: true, reason: "" };
    return { status: answer.status, reason: accepted ? undefined : reason };
  };

  const pump = async (): Promise<void> => {
    if (busy || over || !waiting[0]) return;
    busy = true;
    const [chunk] = waiting;
    const body = toBody(chunk!);
    if (!body) return end("opt_out");
    const { status, reason } = await post(body).catch(() => ({ status: 0, reason: undefined }));
    busy = false;
    if (over) return;
    if (status > 199 && status < 300) {
      tries = 0;
      if (reason && reason != "empty") return end(reason);
      waiting = waiting.filter((other) => other != chunk);
      void pump();
    } else if (status > 399 && status < 500 && status != 408 && status != 429) end(String(status));
    else if (++tries > Limit.Tries) end("unreachable");
    else setTimeout(() => void pump(), Math.min(Pace.PauseMs, Pace.FirstPauseMs * 2 ** tries) * (0.8 + Math.random() * 0.4));
  };

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (over) return;
    close();
    if (waiting.reduce((sum, chunk) => sum + chunk.length, 0) > Limit.WaitingLength) return end("too_much");
    void pump();
  };

  return {
    add: (event: string) => {
      if (over) return;
      if (length && length + event.length > Limit.ChunkLength) flush();
      buffer.push(event);
      length += event.length;
      timer = timer || setTimeout(flush, Pace.FlushMs);
    },
    flush,
    /** The page may be gone in a moment: what is not answered goes by beacon; twice does no harm. Answers the next number. */
    leave: () => {
      if (over) return seq;
      close();
      let room: number = Limit.BeaconLength;
      for (const chunk of waiting) {
        const body = toBody(chunk);
        if (body && (room -= body.length * 1.1) > 0) navigator.sendBeacon(endpoint, body);
      }
      return seq;
    },
    end,
    /** Whether the visitor is worth recording by now. */
    ask: async (): Promise<boolean> => {
      const ids = who();
      if (!ids || over) return false;
      const answer = await fetch(endpoint, { method: "POST", body: JSON.stringify(ids) });
      return answer.ok && (await answer.json()).record;
    },
  };
};
