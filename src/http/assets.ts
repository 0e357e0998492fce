import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { FastResponse } from "srvx";
import type { Call, HeaderPair } from "./call.ts";
import { NOSNIFF } from "./call.ts";

type Packed = Partial<Record<"br" | "gzip", Uint8Array<ArrayBuffer>>>;

const CACHE: HeaderPair = ["cache-control", "public, max-age=3600"];
const SHARED: HeaderPair[] = [
  ["content-type", "text/javascript; charset=utf-8"],
  NOSNIFF,
  CACHE,
  ["vary", "Accept-Encoding"],
  ["cross-origin-resource-policy", "cross-origin"],
  // a page on another host needs it for `integrity`
  ["access-control-allow-origin", "*"],
];

/** Serves a script under one path, whatever the owner calls it: cached for an hour, compressed once, 304 when the browser has it. */
export function scriptRoute(text: string) {
  const plain = Buffer.from(text);
  const digest = createHash("sha256").update(plain).digest("base64url").slice(0, 22);
  let packing: Promise<Packed> | undefined;

  return async (call: Call): Promise<Response> => {
    packing ??= pack(plain);
    const packed = await packing;
    const coding = pickCoding(call.header("accept-encoding"), packed);
    const etag = `"${digest}${coding ? `-${coding}` : ""}"`;
    const headers: HeaderPair[] = [...SHARED, ["etag", etag]];
    if (isKnown(call.header("if-none-match"), digest)) return new FastResponse(null, { status: 304, headers });
    if (coding) headers.push(["content-encoding", coding]);
    return new FastResponse((coding && packed[coding]) ?? plain, { headers });
  };
}

async function pack(plain: Buffer): Promise<Packed> {
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
  try {
    const [br, gz] = await Promise.all([promisify(brotliCompress)(plain, quality), promisify(gzip)(plain, { level: 9 })]);
    return { br: new Uint8Array(br), gzip: new Uint8Array(gz) };
  } catch {
    // uncompressed it still works
    return {};
  }
}

function pickCoding(accepted: string | undefined, packed: Packed): "br" | "gzip" | undefined {
  if (accepted === undefined) return undefined;
  const wanted = new Set<string>();
  for (const part of accepted.toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim());
    if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) wanted.add(name);
  }
  if (wanted.has("br") && packed.br) return "br";
  return wanted.has("gzip") && packed.gzip ? "gzip" : undefined;
}

/** Any coding of the same script will do: the browser has decoded it. */
function isKnown(ifNoneMatch: string | undefined, digest: string): boolean {
  return ifNoneMatch !== undefined && (ifNoneMatch.trim() === "*" || ifNoneMatch.includes(digest));
}
