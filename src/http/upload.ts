import type { IncomingMessage } from "node:http";
import { AnalyticsError, unavailable } from "../errors.ts";
import type { Call } from "./call.ts";
import { closing, readLength, tooLarge } from "./content.ts";

export interface UploadBounds {
  /** Milliseconds for a whole body. @default 10,000 */
  bodyMs: number;
  /** Milliseconds between two chunks of it. @default 5,000 */
  chunkMs: number;
  /** Bytes of all bodies that are being read. @default 16 MiB */
  maxBytes: number;
}

export const UPLOAD_BOUNDS: UploadBounds = { bodyMs: 10_000, chunkMs: 5_000, maxBytes: 16 * 1024 * 1024 };

/** How much later than its bound a slow body may be noticed. */
const MAX_SWEEP_MS = 1_000;

/** Reads bodies within their limits: bytes, time, and bytes of all together. */
export interface Uploads {
  /** The bytes as sent. Rejects with 413, 408, 503, or 400 when the body is cut off or was read by another. */
  read(call: Call, limit: number): Promise<Buffer>;
}

interface Upload {
  startedAt: number;
  chunkAt: number;
  fail(error: AnalyticsError): void;
  call: Call;
}

export function createUploads(bounds: UploadBounds, onConsumed: () => void): Uploads {
  const running = new Set<Upload>();
  let bytes = 0;
  let sweeper: NodeJS.Timeout | undefined;

  /** One timer for all: starting and stopping one per request would cost more than the reading. */
  function sweep(): void {
    const at = performance.now();
    for (const upload of running) {
      if (at - upload.startedAt > bounds.bodyMs || at - upload.chunkAt > bounds.chunkMs) {
        const headers = closing(upload.call);
        upload.fail(new AnalyticsError("REQUEST_TIMEOUT", "The request body did not arrive in time", { headers }));
      }
    }
    if (running.size === 0) {
      clearInterval(sweeper);
      sweeper = undefined;
    }
  }

  function reserve(size: number): void {
    if (bytes + size > bounds.maxBytes) throw unavailable("Too many bodies at once, try again");
    bytes += size;
  }

  /** `source` starts the flow and says how to stop it. */
  function collect(call: Call, limit: number, declared: number | undefined, source: Source): Promise<Buffer> {
    if (declared !== undefined) reserve(declared);
    let reserved = declared ?? 0;
    return new Promise<Buffer>((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const startedAt = performance.now();
      const upload: Upload = { startedAt, chunkAt: startedAt, fail, call };

      function finish(): void {
        running.delete(upload);
        bytes -= reserved;
        reserved = 0;
      }
      function fail(error: AnalyticsError): void {
        if (!running.has(upload)) return;
        finish();
        stop();
        reject(error);
      }
      running.add(upload);
      sweeper ??= setInterval(sweep, Math.min(MAX_SWEEP_MS, bounds.chunkMs / 2, bounds.bodyMs / 2)).unref();
      const stop = source({
        chunk(chunk) {
          size += chunk.length;
          if (size > limit) return fail(tooLarge(call, limit));
          if (size > reserved) {
            if (bytes + size - reserved > bounds.maxBytes) return fail(unavailable("Too many bodies at once, try again"));
            bytes += size - reserved;
            reserved = size;
          }
          upload.chunkAt = performance.now();
          chunks.push(chunk);
        },
        end() {
          if (!running.has(upload)) return;
          finish();
          stop();
          resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
        },
        cut(cause) {
          fail(cutOff(cause));
        },
      });
    });
  }

  return {
    async read(call, limit) {
      const declared = readLength(call);
      if (declared !== undefined && declared > limit) throw tooLarge(call, limit);
      const { node } = call;
      if (node) {
        if (node.destroyed && !node.complete) throw cutOff();
        const isUntouched = !node.readableDidRead && !node.readableEnded && !node.destroyed;
        if (isUntouched) return collect(call, limit, declared, (sink) => fromNode(node, sink));
      } else if (!call.request.bodyUsed) {
        const stream = call.request.body;
        if (!stream) return Buffer.alloc(0);
        if (!stream.locked) return collect(call, limit, declared, (sink) => fromStream(stream, sink));
      }
      onConsumed();
      throw new AnalyticsError("VALIDATION_ERROR", "The request body was already read");
    },
  };
}

function cutOff(cause?: unknown): AnalyticsError {
  return new AnalyticsError("VALIDATION_ERROR", "The request body was cut off", { cause });
}

interface Sink {
  chunk(chunk: Buffer): void;
  end(): void;
  cut(cause?: unknown): void;
}
type Source = (sink: Sink) => () => void;

function fromNode(request: IncomingMessage, sink: Sink): () => void {
  const onClose = () => sink.cut();
  request.on("data", sink.chunk);
  request.on("end", sink.end);
  request.on("error", sink.cut);
  request.on("close", onClose);
  return () => {
    request.off("data", sink.chunk);
    request.off("end", sink.end);
    request.off("close", onClose);
    // the error listener stays: a client that goes away later must not become an uncaught error
    if (!request.readableEnded) request.pause();
  };
}

function fromStream(stream: ReadableStream<Uint8Array>, sink: Sink): () => void {
  const reader = stream.getReader();
  let isOpen = true;
  const pull = (): Promise<void> =>
    reader.read().then(({ done, value }) => {
      if (!isOpen) return;
      if (done) {
        isOpen = false;
        return sink.end();
      }
      sink.chunk(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      if (isOpen) return pull();
    });
  pull().catch((cause) => {
    isOpen = false;
    sink.cut(cause);
  });
  return () => {
    if (!isOpen) return;
    isOpen = false;
    reader.cancel().catch(() => {});
  };
}
