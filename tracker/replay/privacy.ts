import { mask } from "../mask.ts";
import { isPassword } from "./passwords.ts";
import { stars } from "./stars.ts";
import { hideBeginnings, hideTyped } from "./typed.ts";

/** Fields whose content is never recorded, whatever the page's author allows. */
const NEVER = /\b(cc-|one-time-code|current-password|new-password)/i;
const NEVER_NAMED = /passw|passcode|secret|token|\b(otp|pin|ssn|iban)\b|one.?time|card.?(num|no)|cc.?num|cvc|cvv|csc/i;
const BUTTON = /^(submit|button|reset|image)$/;
const FIELD = /^(INPUT|TEXTAREA|SELECT|OPTION)$/;
/** Attributes in which what was typed, or what is masked as text, is often repeated. */
const TELLING = /^(data-(?!rr-)|aria-|title$|alt$|label$|placeholder$|content$|summary$)/i;
const ADDRESS = /^(href|src|action|formaction|poster|cite|xlink:href|rr_src)$/;

/** The element around a node, out of shadow roots and frames too. */
const around = (node: Node): Element | null => {
  if (node.parentElement) return node.parentElement;
  const root = node.getRootNode() as Node & { host?: Element; defaultView?: Window };
  return root.host || (root.defaultView && root.defaultView.frameElement) || null;
};

/** What the nearest mark around a node says. Without one, `otherwise`. */
const isMarked = (node: Node, otherwise: boolean): boolean => {
  for (let element = node.nodeType == 1 ? (node as Element) : around(node); element; element = around(element)) {
    if (element.hasAttribute("data-wysleap-mask")) return true;
    if (element.hasAttribute("data-wysleap-unmask")) return false;
    const editable = element.getAttribute("contenteditable");
    if (editable != null && editable != "false") return true;
    const { ownerDocument } = element;
    if (ownerDocument.designMode == "on" && element == ownerDocument.documentElement) return true;
  }
  return otherwise;
};

const isNever = (field: Element): boolean => {
  const { type, name, id, autocomplete, placeholder } = field as HTMLInputElement;
  return (
    isPassword(field as HTMLInputElement) || type == "hidden" ||
    NEVER.test(autocomplete || "") || NEVER_NAMED.test(`${name} ${id} ${field.getAttribute("aria-label") || ""} ${placeholder || ""}`)
  );
};

const isFieldHidden = (field: Element): boolean => isNever(field) || isMarked(field, true);

/** Whether the visitor types into it, where it is shown: what stands on a button or in a list is the page's own. */
const isTypedInto = (field: Element): boolean => /^(INPUT|TEXTAREA)$/.test(field.tagName) && !BUTTON.test((field as HTMLInputElement).type);

export interface Recorded {
  type: number;
  data: any;
  timestamp: number;
}

/** Takes out of an event what must not leave the page; changes it in place. The last word, whatever rrweb masked. */
export const createScrub = (getNode: (id: number) => Node | null, maskAll: boolean) => {
  const scrubAttributes = (element: Element | null, attributes: Record<string, any>) => {
    const isField = !element || FIELD.test(element.tagName);
    const isButton = isField && element && BUTTON.test((element as HTMLInputElement).type);
    const hidden = !element || (isField && !isButton ? isFieldHidden(element) : isMarked(element, maskAll));
    for (const name in attributes) {
      const value = attributes[name];
      if (ADDRESS.test(name) && typeof value == "string" && !/^(data:|#)/.test(value)) attributes[name] = value.split(/[?#]/)[0];
      if (name == "value" && hidden) attributes[name] = value && "********";
      else if (!hidden && typeof value == "string" && isTypedInto(element)) {
        if (name == "value") attributes[name] = hideTyped(element, value);
        else if (TELLING.test(name) && name != "placeholder") attributes[name] = hideBeginnings(value);
      }
      else if (hidden && (name == "checked" || name == "selected" || TELLING.test(name) || (ADDRESS.test(name) && !isField))) {
        // placeholders are the page's own words, unless all text is masked
        if (name != "placeholder" || maskAll || !isField) delete attributes[name];
      }
    }
    if (hidden && element && element.tagName == "INPUT") delete attributes.size;
  };

  const scrubNode = (node: any) => {
    const real = getNode(node.id);
    if (node.type == 2) scrubAttributes(real as Element | null, node.attributes);
    if (node.type == 3 && !node.isStyle) node.textContent = scrubText(real, node.textContent);
    for (const child of node.childNodes || []) scrubNode(child);
  };

  const scrubText = (node: Node | null, text: string): string => {
    const parent = node && around(node);
    if (!parent) return stars(text);
    if (parent.tagName == "STYLE") return text;
    if (parent.tagName == "TEXTAREA") return isFieldHidden(parent) ? text && "********" : hideTyped(parent, text);
    if (isMarked(parent, maskAll)) return stars(text);
    // as pageviews' titles are sent
    if (parent.tagName == "TITLE") return mask(text);
    return (parent as HTMLElement).isContentEditable ? hideTyped(parent, text) : text;
  };

  return (event: Recorded) => {
    const { type, data } = event;
    if (type == 4) data.href = data.href.split(/[?#]/)[0];
    if (type == 2) scrubNode(data.node);
    if (type == 3) {
      if (data.source == 0) {
        for (const { node } of data.adds) scrubNode(node);
        for (const text of data.texts) text.value = text.value && scrubText(getNode(text.id), text.value);
        for (const { id, attributes } of data.attributes) scrubAttributes(getNode(id) as Element | null, attributes);
      }
      if (data.source == 5) {
        const field = getNode(data.id) as Element | null;
        if (!field || isFieldHidden(field)) {
          data.text = field && !isNever(field) ? stars(data.text.slice(0, 40)) : data.text && "********";
          data.isChecked = false;
        } else if (isTypedInto(field)) data.text = hideTyped(field, data.text);
      }
    }
  };
};
