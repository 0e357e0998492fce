import { filterCss } from "./css-filter.ts";
import { filterAttributes, filterNode, filterStyles, filterText } from "./node-filter.ts";
import { hideEmails, hideSecrets, hideTyped } from "./secrets.ts";

/** Bytes that one event of a recording may have. */
export const MAX_EVENT_LENGTH = 1024 * 1024;
/** Levels of its JSON; an element is two. */
export const MAX_EVENT_DEPTH = 512;

/** rrweb's EventType. */
const enum Type {
  DomContentLoaded = 0,
  Load = 1,
  FullSnapshot = 2,
  Incremental = 3,
  Meta = 4,
  Custom = 5,
  Plugin = 6,
}

/** rrweb's IncrementalSource; media (its sources are not kept), canvas, font, log and custom elements are not replayed. */
const enum Source {
  Mutation = 0,
  MouseMove = 1,
  MouseInteraction = 2,
  Scroll = 3,
  ViewportResize = 4,
  Input = 5,
  TouchMove = 6,
  StyleSheetRule = 8,
  Drag = 12,
  StyleDeclaration = 13,
  Selection = 14,
  AdoptedStyleSheet = 15,
}

type Data = Record<string, unknown>;

/** One event that may be kept and played. */
export interface FilteredEvent {
  timestamp: number;
  /** The event as JSON, without what may run, fetch or tell a secret. */
  text: string;
  /** The page that begins with it. */
  page?: string;
  /** Something the visitor did. */
  isAction: boolean;
}

export type EventVerdict = FilteredEvent | { refused: string } | "dropped";

/** Checks one event and rebuilds it from what is known to be harmless: what is not named here is not kept. */
export function filterEvent(json: string): EventVerdict {
  if (json.length > MAX_EVENT_LENGTH) return { refused: `is larger than ${MAX_EVENT_LENGTH} bytes` };
  if (depthOf(json) > MAX_EVENT_DEPTH) return { refused: `is nested deeper than ${MAX_EVENT_DEPTH} levels` };
  let event: Data;
  try {
    event = JSON.parse(json) as Data;
  } catch {
    return { refused: "is not valid JSON" };
  }
  if (typeof event !== "object" || event === null) return { refused: "is not an object" };
  const { type, timestamp } = event;
  if (typeof type !== "number" || !Number.isInteger(type) || type < 0 || type > 6) return { refused: "has no type from 0 to 6" };
  if (typeof timestamp !== "number" || !Number.isFinite(timestamp)) return { refused: "has no timestamp" };
  const data = filterData(type, isObject(event["data"]) ? event["data"] : {});
  if (!data) return "dropped";
  const kept: FilteredEvent = { timestamp, text: JSON.stringify({ type, data, timestamp }), isAction: isAction(type, data) };
  const page = type === Type.Meta ? data["href"] : type === Type.Custom ? (data["payload"] as Data)["page"] : undefined;
  if (typeof page === "string") kept.page = page;
  return kept;
}

function isAction(type: number, data: Data): boolean {
  const { source } = data;
  return type === Type.Incremental && (source === Source.MouseInteraction || source === Source.Scroll || source === Source.Input);
}

function filterData(type: number, data: Data): Data | undefined {
  switch (type) {
    case Type.DomContentLoaded:
    case Type.Load:
      return {};
    case Type.FullSnapshot: {
      const node = filterNode(data["node"]);
      const offset = isObject(data["initialOffset"]) ? data["initialOffset"] : {};
      return node?.type === 0 ? { node, initialOffset: { left: number(offset["left"]), top: number(offset["top"]) } } : undefined;
    }
    case Type.Meta:
      return { href: cleanUrl(data["href"]), width: number(data["width"]), height: number(data["height"]) };
    case Type.Custom:
      return data["tag"] === "wysleap" && isObject(data["payload"]) ? { tag: "wysleap", payload: filterNote(data["payload"]) } : undefined;
    case Type.Incremental:
      return filterIncrement(data);
    default:
      return undefined;
  }
}

/** What the recorder says of itself: the page, a step down, why it was kept. */
function filterNote(payload: Data): Data {
  const note: Data = {};
  if (payload["page"] !== undefined) note["page"] = cleanUrl(payload["page"]);
  for (const name of ["stepDown", "trigger", "masked"]) if (typeof payload[name] === "string") note[name] = hideSecrets(payload[name].slice(0, 100));
  for (const name of ["share", "gap"]) if (typeof payload[name] === "number") note[name] = payload[name];
  return note;
}

function filterIncrement(data: Data): Data | undefined {
  const { source } = data;
  switch (source) {
    case Source.Mutation:
      return filterMutation(data);
    case Source.MouseMove:
    case Source.TouchMove:
    case Source.Drag:
      return { source, positions: list(data["positions"]).map((at) => numbers(at, ["x", "y", "id", "timeOffset"])) };
    case Source.MouseInteraction:
      return { source, ...numbers(data, ["type", "id", "x", "y", "pointerType"]) };
    case Source.Scroll:
      return { source, ...numbers(data, ["id", "x", "y"]) };
    case Source.ViewportResize:
      return { source, ...numbers(data, ["width", "height"]) };
    case Source.Input:
      return { source, id: number(data["id"]), text: hideTyped(string(data["text"])), isChecked: data["isChecked"] === true };
    case Source.StyleSheetRule:
      return filterRules(data);
    case Source.StyleDeclaration:
      return filterDeclaration(data);
    case Source.Selection:
      return { source, ranges: list(data["ranges"]).map((range) => numbers(range, ["start", "startOffset", "end", "endOffset"])) };
    case Source.AdoptedStyleSheet:
      return {
        source,
        id: number(data["id"]),
        styleIds: list(data["styleIds"]).map(number),
        styles: objects(data["styles"]).map((style) => ({ styleId: number(style["styleId"]), rules: objects(style["rules"]).map(filterRule) })),
      };
    default:
      return undefined;
  }
}

function filterMutation(data: Data): Data {
  const adds = objects(data["adds"]).flatMap((add) => {
    const node = filterNode(add["node"]);
    const place = numbers(add, ["parentId"]);
    for (const name of ["nextId", "previousId"]) place[name] = typeof add[name] === "number" ? add[name] : null;
    if (node?.type === 1 || (node?.type === 0 && data["isAttachIframe"] !== true)) return [];
    // text may land in a stylesheet
    if (node?.type === 3) node["textContent"] = filterCss(node["textContent"] as string);
    return node ? [{ ...place, node }] : [];
  });
  const mutation: Data = {
    source: Source.Mutation,
    adds,
    removes: objects(data["removes"]).map((remove) => ({ ...numbers(remove, ["parentId", "id"]), ...(remove["isShadow"] === true && { isShadow: true }) })),
    texts: objects(data["texts"]).map(({ id, value }) => ({ id: number(id), value: value === null ? null : filterCss(filterText(value)) })),
    attributes: objects(data["attributes"]).map(({ id, attributes }) => ({ id: number(id), attributes: filterMutatedAttributes(attributes) })),
  };
  if (data["isAttachIframe"] === true) mutation["isAttachIframe"] = true;
  return mutation;
}

/** Which element it is, is not known here: no address and no picture may change, no field become another. */
function filterMutatedAttributes(given: unknown): Data {
  const kept = filterAttributes(given, undefined);
  delete kept["type"];
  return kept;
}

function filterRules(data: Data): Data {
  const kept: Data = { source: Source.StyleSheetRule, ...numbers(data, ["id", "styleId"]) };
  for (const name of ["replace", "replaceSync"]) if (typeof data[name] === "string") kept[name] = filterCss(data[name]);
  if (Array.isArray(data["adds"])) kept["adds"] = objects(data["adds"]).map(filterRule);
  if (Array.isArray(data["removes"])) kept["removes"] = objects(data["removes"]).map(({ index }) => ({ index: ruleIndex(index) }));
  return kept;
}

function filterRule(rule: Data): Data {
  const index = ruleIndex(rule["index"]);
  return { rule: filterCss(string(rule["rule"])), ...(index !== undefined && { index }) };
}

function filterDeclaration(data: Data): Data {
  const kept: Data = { source: Source.StyleDeclaration, ...numbers(data, ["id", "styleId"]), index: ruleIndex(data["index"]) ?? [] };
  const { set, remove } = data;
  if (isObject(set)) {
    const [property, value] = [string(set["property"]), filterStyles({ [string(set["property"])]: set["value"] })];
    kept["set"] = { property, value: (value as Data)[property] ?? "", priority: set["priority"] === "important" ? "important" : "" };
  }
  if (isObject(remove)) kept["remove"] = { property: string(remove["property"]).slice(0, 80) };
  return kept;
}

const ruleIndex = (index: unknown) => (Array.isArray(index) ? index.map(number) : typeof index === "number" ? index : undefined);

/** The address of a page without its query and fragment; only http(s). */
function cleanUrl(url: unknown): string {
  if (typeof url !== "string" || !/^https?:\/\//i.test(url)) return "";
  const path = url.slice(0, 2_048).split(/[?#]/)[0]!.replace(/\/\/[^/]*@/, "//");
  return hideSecrets(hideEmails(path));
}

const isObject = (value: unknown): value is Data => typeof value === "object" && value !== null && !Array.isArray(value);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const objects = (value: unknown): Data[] => list(value).filter(isObject);
const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const string = (value: unknown): string => (typeof value === "string" ? value : "");

function numbers(from: unknown, names: string[]): Data {
  const kept: Data = {};
  if (isObject(from)) for (const name of names) if (typeof from[name] === "number" && Number.isFinite(from[name])) kept[name] = from[name];
  return kept;
}

/** Nesting of a JSON text, without parsing it. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (isInString) {
      if (code === 92) at++;
      else if (code === 34) isInString = false;
    } else if (code === 34) isInString = true;
    else if (code === 91 || code === 123) deepest = Math.max(deepest, ++depth);
    else if (code === 93 || code === 125) depth--;
  }
  return deepest;
}
