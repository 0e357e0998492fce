import { FastResponse } from "srvx";
import { toTimestamp } from "../clock.ts";
import type { Call, HeaderPair } from "./call.ts";
import { JSON_TYPE, NO_STORE, NOSNIFF } from "./call.ts";

/** 200 with a JSON text and the headers that the call has gathered. */
export function answerText(call: Call, text: string, extra?: HeaderPair): Response {
  const headers: HeaderPair[] = [JSON_TYPE, NOSNIFF, ...call.headers];
  if (extra) headers.push(extra);
  return new FastResponse(text, { headers });
}

/** 200 with a JSON value that no cache may keep. */
export function answerJson(call: Call, value: object): Response {
  return answerText(call, JSON.stringify(value), NO_STORE);
}

/** The same status and headers without the body, for HEAD. */
export function withoutBody(response: Response): Response {
  response.body?.cancel().catch(() => {});
  return new FastResponse(null, { status: response.status, headers: [...response.headers] });
}

let second = -1;
let secondText = "";

/** `toTimestamp`, made once a second: most answers of a busy server share it. */
export function timestampOf(ms: number): string {
  const at = Math.floor(ms / 1_000);
  if (at !== second) {
    secondText = toTimestamp(ms);
    second = at;
  }
  return secondText;
}
