import type { Reporter } from "../logger.ts";
import type { Call } from "./call.ts";
import { checkMediaType, readCoding, readLength, tooLarge } from "./content.ts";
import { createInflater } from "./inflate.ts";
import type { JsonObject } from "./json.ts";
import { adoptJson, decodeUtf8, parseJson } from "./json.ts";
import type { UploadBounds } from "./upload.ts";
import { createUploads, UPLOAD_BOUNDS } from "./upload.ts";

export interface BodyParts {
  reporter: Reporter;
  bounds?: Partial<UploadBounds>;
  /** A key that reaches a prototype was removed. */
  onPoison: () => void;
}

export interface BodyReader {
  /** The body as an object, at most `limit` bytes as sent and `inflatedLimit` after inflation (default: the same). */
  read(call: Call, limit: number, inflatedLimit?: number): Promise<JsonObject>;
}

/** From a request to an object: size, encoding, bytes, inflation, UTF-8, JSON. Each step throws its own status. */
export function createBodyReader({ reporter, bounds, onPoison }: BodyParts): BodyReader {
  const inflater = createInflater();
  const uploads = createUploads({ ...UPLOAD_BOUNDS, ...bounds }, () =>
    reporter.report(
      "warn",
      "body-consumed",
      "a request body was already read when it came to us: mount the library before your body parser, or hand over req.body",
    ),
  );

  return {
    async read(call, limit, inflatedLimit = limit) {
      const declared = readLength(call);
      if (declared !== undefined && declared > limit) throw tooLarge(call, limit);
      checkMediaType(call);
      const handed = call.context?.body;
      const given = handed === undefined ? rawBody(call) : handed;
      if (given !== undefined) return readGiven(call, given, readCoding(call) ? inflatedLimit : limit, onPoison);
      const coding = readCoding(call);
      let bytes = await uploads.read(call, limit);
      if (coding && bytes.length > 0) bytes = await inflater.inflate(bytes, coding, inflatedLimit);
      return parseJson(decodeUtf8(bytes), onPoison);
    },
  };
}

/** Serverless hosts keep the bytes here. */
function rawBody(call: Call): unknown {
  const raw: unknown = call.node && "rawBody" in call.node ? call.node.rawBody : undefined;
  return Buffer.isBuffer(raw) ? raw : undefined;
}

/** What a host's body parser left. It has inflated the body but not removed `Content-Encoding`: that is ignored. */
function readGiven(call: Call, given: unknown, limit: number, onPoison: () => void): JsonObject {
  if (typeof given === "string") {
    if (Buffer.byteLength(given) > limit) throw tooLarge(call, limit);
    return parseJson(given.charCodeAt(0) === 0xfeff ? given.slice(1) : given, onPoison);
  }
  if (given instanceof Uint8Array) {
    if (given.length > limit) throw tooLarge(call, limit);
    return parseJson(decodeUtf8(Buffer.from(given.buffer, given.byteOffset, given.byteLength)), onPoison);
  }
  const value = adoptJson(given, onPoison);
  const isSizeKnown = readLength(call) !== undefined && call.header("content-encoding") === undefined;
  if (!isSizeKnown && Buffer.byteLength(JSON.stringify(value)) > limit) throw tooLarge(call, limit);
  return value;
}
