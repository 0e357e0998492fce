import { EMBEDDED_PICTURE, filterCss } from "./css-filter.ts";
import { hideEmails, hideSecrets, hideTyped } from "./secrets.ts";

/** A node of a snapshot as rrweb serialises it. Whatever is not named here is not kept. */
export type RecordedNode = Record<string, unknown> & { type: number; id: number };

/** rrweb's NodeType. */
const enum Kind {
  Document = 0,
  DocumentType = 1,
  Element = 2,
  Text = 3,
  CData = 4,
  Comment = 5,
}

/** What stands for an element that may run, fetch or navigate. Its id stays known, so that what follows still applies. */
const REMOVED = "noscript";
const REMOVED_TAGS = new Set(
  `script noscript base object embed applet frame frameset portal fencedframe meta link template param source track
  animate animatecolor animatemotion animatetransform set handler listener foreignscript discard mpath`.split(/\s+/),
);
const TAG_NAME = /^[a-z][a-z0-9:._-]{0,63}$/i;

/** Attributes that neither run nor fetch, whatever their value. */
const PLAIN = new Set(
  `abbr align alt autocapitalize autocomplete axis bgcolor border cellpadding cellspacing char charoff checked cite class
  clear color cols colspan compact contenteditable coords datetime decoding dir dirname disabled enctype face for frame
  frameborder headers height hidden high hspace id inert inputmode is ismap itemid itemprop itemref itemscope itemtype kind
  label lang link loading loop low marginheight marginwidth max maxlength media method min minlength multiple muted name
  noresize noshade novalidate nowrap open optimum part pattern placeholder popover readonly required reversed role rows
  rowspan rules scope scrolling selected shape size sizes slot span spellcheck start step summary tabindex text title
  translate type usemap valign value vlink vspace width wrap
  accent-height alignment-baseline amplitude azimuth basefrequency baseline-shift bias clip clip-path clip-rule
  clippathunits color-interpolation color-interpolation-filters cursor cx cy d diffuseconstant direction display divisor
  dominant-baseline dx dy edgemode elevation exponent fill fill-opacity fill-rule filter filterunits flood-color
  flood-opacity font-family font-size font-size-adjust font-stretch font-style font-variant font-weight fr fx fy g1 g2
  glyph-name gradienttransform gradientunits image-rendering in in2 intercept k k1 k2 k3 k4 kernelmatrix
  kernelunitlength kerning lengthadjust letter-spacing lighting-color marker-end marker-mid marker-start markerheight
  markerunits markerwidth mask mask-type maskcontentunits maskunits mode numoctaves offset opacity operator order orient
  origin overflow overline-position paint-order patterncontentunits patterntransform patternunits points preservealpha
  preserveaspectratio primitiveunits pointer-events r radius refx refy repeatcount rotate rx ry scale seed shape-rendering
  slope specularconstant specularexponent spreadmethod startoffset stddeviation stitchtiles stop-color stop-opacity
  stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity stroke-width
  surfacescale systemlanguage tablevalues targetx targety text-anchor text-decoration text-rendering textlength transform
  transform-origin u1 u2 unicode-bidi vector-effect vert-adv-y vert-origin-y version viewbox visibility word-spacing
  writing-mode x x1 x2 xmlns xml:lang xml:space xchannelselector y y1 y2 ychannelselector z`.split(/\s+/),
);
const PREFIXED = /^(?:aria-|data-)[a-z0-9_.:-]{1,80}$/i;
/** rrweb's own: sizes and scroll positions. */
const REPLAYED = /^rr_(?:width|height|scrollLeft|scrollTop|open_mode)$|^data-rr-is-password$/;
/** Where an embedded picture is only that: in a frame the same `data:` would be a document. */
const PICTURE_OF: Record<string, string[]> = { src: ["img", "input"], rr_dataURL: ["img", "canvas"], poster: ["video"] };
/** In these, text may be what somebody typed. */
const SPOKEN = /^(?:value|title|alt|placeholder|label|summary|text|aria-.*|data-.*)$/i;
/** What stands on a button is the page's own. */
const BUTTON = /^(?:submit|button|reset|image)$/i;
const SECRET_FIELD = /\b(?:cc-|one-time-code|current-password|new-password)/i;
const MAX_TEXT = 200_000;
const MAX_TITLE = 512;

type Attributes = Record<string, string | number | boolean | null | object>;

/** The attributes that may be replayed, with what their values may be; `tag` is unknown for mutations. */
export function filterAttributes(given: unknown, tag: string | undefined): Attributes {
  const kept: Attributes = {};
  if (typeof given !== "object" || given === null) return kept;
  const all = given as Record<string, unknown>;
  const hideValue = valueFilterOf(all, tag);
  for (const [name, value] of Object.entries(all)) {
    const filtered = filterAttribute(name, value, tag, hideValue);
    if (filtered !== undefined) kept[name] = filtered;
  }
  return kept;
}

function valueFilterOf(attributes: Record<string, unknown>, tag: string | undefined): (value: string) => string {
  if (tag !== "input") return hideTyped;
  if (isSecretField(attributes)) return () => "********";
  return BUTTON.test(String(attributes["type"])) ? hideSecrets : hideTyped;
}

function isSecretField(attributes: Record<string, unknown>): boolean {
  return (
    /^(?:password|hidden)$/i.test(String(attributes["type"])) ||
    "data-rr-is-password" in attributes ||
    SECRET_FIELD.test(String(attributes["autocomplete"] ?? ""))
  );
}

function filterAttribute(name: string, value: unknown, tag: string | undefined, hideValue: (value: string) => string): Attributes[string] | undefined {
  const lower = name.toLowerCase();
  const isAllowed = PLAIN.has(lower) || PREFIXED.test(name) || REPLAYED.test(name);
  if (value === null && (isAllowed || lower === "style" || lower === "href")) return null;
  if (lower === "style" && typeof value === "object" && value !== null) return filterStyles(value as Record<string, unknown>);
  if (typeof value === "number" || typeof value === "boolean") return isAllowed && (typeof value === "boolean" || Number.isFinite(value)) ? value : undefined;
  if (typeof value !== "string" || value.length > 4 * MAX_TEXT) return undefined;
  if (lower === "style" || name === "_cssText") return filterCss(value);
  if (Object.hasOwn(PICTURE_OF, name)) return PICTURE_OF[name]!.includes(tag ?? "") && EMBEDDED_PICTURE.test(value) ? value : undefined;
  if (lower === "href" || lower === "xlink:href") {
    if (value.startsWith("#")) return value;
    // looks like a link, leads nowhere
    return tag === "a" || tag === "area" ? "#" : tag === "image" && EMBEDDED_PICTURE.test(value) ? value : undefined;
  }
  if (!isAllowed) return undefined;
  if (lower === "value") return hideValue(value);
  // presentation attributes of SVG are CSS
  const local = /[(\\]/.test(value) && !lower.startsWith("data-") ? filterCss(value) : value;
  return SPOKEN.test(lower) ? hideSecrets(local) : local;
}

/** A style mutation: property to value, `[value, priority]`, or false where it is gone. */
export function filterStyles(styles: Record<string, unknown>): object {
  const kept: Record<string, unknown> = {};
  for (const [property, value] of Object.entries(styles)) {
    if (!/^[a-zA-Z-]{1,80}$/.test(property) || property === "behavior") continue;
    if (value === false) kept[property] = false;
    else if (typeof value === "string") kept[property] = filterCss(value);
    else if (Array.isArray(value) && typeof value[0] === "string") kept[property] = [filterCss(value[0]), value[1] === "important" ? "important" : ""];
  }
  return kept;
}

/** A node with everything below it; undefined for what is no node. Callers have bounded the depth. */
export function filterNode(given: unknown, parentTag?: string): RecordedNode | undefined {
  if (typeof given !== "object" || given === null) return undefined;
  const node = given as Record<string, unknown>;
  if (typeof node["id"] !== "number" || !Number.isInteger(node["id"])) return undefined;
  const kept: RecordedNode = { type: node["type"] as number, id: node["id"] };
  for (const name of ["rootId"]) if (typeof node[name] === "number") kept[name] = node[name];
  for (const name of ["isShadowHost", "isShadow", "isSVG", "isCustom", "needBlock", "isStyle"]) if (node[name] === true) kept[name] = true;
  switch (node["type"]) {
    case Kind.Document:
      if (node["compatMode"] === "BackCompat") kept["compatMode"] = "BackCompat";
      kept["childNodes"] = filterChildren(node["childNodes"]);
      return kept;
    case Kind.DocumentType:
      return { ...kept, name: "html", publicId: "", systemId: "" };
    case Kind.Element:
      return filterElement(node, kept);
    case Kind.Text:
      kept["textContent"] = filterText(node["textContent"], parentTag);
      return kept;
    case Kind.CData:
    case Kind.Comment:
      return { ...kept, type: Kind.Comment, textContent: "" };
    default:
      return undefined;
  }
}

function filterElement(node: Record<string, unknown>, kept: RecordedNode): RecordedNode {
  const tagName = typeof node["tagName"] === "string" && TAG_NAME.test(node["tagName"]) ? node["tagName"] : REMOVED;
  const tag = tagName.toLowerCase().replace(/^.*:/, "");
  const attributes = node["attributes"];
  // a stylesheet whose rules were recorded is a style element to the player
  const isSheet = tag === "link" && typeof (attributes as Attributes | undefined)?.["_cssText"] === "string";
  if ((REMOVED_TAGS.has(tag) && !isSheet) || tagName === REMOVED) {
    return { ...kept, tagName: REMOVED, attributes: {}, childNodes: [] };
  }
  kept["tagName"] = tagName;
  kept["attributes"] = filterAttributes(attributes, tag);
  const children = filterChildren(node["childNodes"], tag);
  // rules may be split over several texts, in the middle of a word
  if (tag === "style" && children.length > 1) joinTexts(children);
  kept["childNodes"] = children;
  return kept;
}

function joinTexts(children: RecordedNode[]): void {
  const css = children.map(({ textContent }) => textContent ?? "").join("");
  for (const [at, child] of children.entries()) child["textContent"] = at === 0 ? filterCss(css) : "";
}

function filterChildren(children: unknown, tag?: string): RecordedNode[] {
  if (!Array.isArray(children)) return [];
  // elsewhere the player could not build them
  const fits = ({ type }: RecordedNode) => type !== Kind.Document && (type !== Kind.DocumentType || tag === undefined);
  return children.map((child) => filterNode(child, tag)).filter((child) => child !== undefined && fits(child)) as RecordedNode[];
}

/** Text may become a stylesheet's by where it is put: what fetches is taken out of all of it. */
export function filterText(text: unknown, parentTag?: string): string {
  if (typeof text !== "string") return "";
  const short = text.slice(0, MAX_TEXT * 4);
  if (parentTag === "style") return filterCss(short);
  if (parentTag === "title") return hideEmails(hideSecrets(short.slice(0, MAX_TITLE)));
  return parentTag === "textarea" ? hideTyped(short) : hideSecrets(short);
}
