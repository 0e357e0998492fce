import { deflate, inflate } from "../storage/deflate.ts";

/** What a stored chunk says of itself, so that a lost index can be made again from it. */
export interface ChunkHead {
  sessionId: string;
  visitorId: string;
  seq: number;
  /** Epoch milliseconds of the server's clock. */
  at: number;
  /** Its first and last event, epoch milliseconds of the server's clock. */
  first: number;
  last: number;
  pages: string[];
  actions: number;
}

/** A sound chunk inflates to no more: what the endpoint takes. */
const MAX_INFLATED = 9 * 1024 * 1024;

/** Length of the head (4 bytes), the head as JSON, the events as lines, deflated. */
export async function encodeChunk(head: ChunkHead, lines: string[]): Promise<Buffer> {
  const text = Buffer.from(JSON.stringify(head));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(text.length);
  return Buffer.concat([size, text, await deflate(lines.join("\n"), { level: 6 })]);
}

export function decodeHead(body: Buffer): ChunkHead {
  const head = JSON.parse(body.toString("utf8", 4, 4 + body.readUInt32LE(0))) as ChunkHead;
  // heads once said only when their chunk came
  return { ...head, first: head.first ?? head.at, last: head.last ?? head.at };
}

export async function decodeLines(body: Buffer): Promise<string[]> {
  const text = (await inflate(body.subarray(4 + body.readUInt32LE(0)), MAX_INFLATED)).toString("utf8");
  return text === "" ? [] : text.split("\n");
}
