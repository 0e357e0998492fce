import { describe, expect, it } from "vitest";
import { eventKind, isThing, pageKind } from "../../src/intent/vocabulary.ts";

describe("what names say", () => {
  it.each([
    ["/product/42", "product"], ["/en-gb/Products/shoes/", "product"], ["/pricing", "pricing"], ["/cart", "cart"],
    ["/shop/cart", "cart"], ["/checkout/shipping", "checkout"], ["/account/orders", "account"], ["/about/us", "about"],
    ["/help/checkout", "about"], ["/", "other"], ["/blog/how-to-checkout", "other"], ["", "other"], ["/constructor", "other"],
    [`/${"x".repeat(2_000)}`, "other"],
  ])("page %s is %s", (path, kind) => expect(pageKind(path)).toBe(kind));

  it.each([
    ["Added To Cart", "cart"], ["add_to_cart", "cart"], ["AddToCart", "cart"], ["Product Added", "cart"],
    ["Removed From Cart", "other"], ["Cart Abandoned", "other"], ["Checkout Started", "checkout"], ["begin_checkout", "checkout"],
    ["InitiateCheckout", "checkout"], ["Checkout Completed", "purchase"], ["Purchase Completed", "purchase"],
    ["purchase", "purchase"], ["Order Placed", "purchase"], ["Payment Failed", "other"], ["Payment Succeeded", "purchase"],
    ["Trial Started", "lead"], ["Signed Up", "lead"], ["Demo Requested", "lead"], ["Product Viewed", "product"],
    ["Video Played", "other"], ["Border Crossed", "other"], ["", "other"],
  ])("event %s is %s", (name, kind) => expect(eventKind(name)).toBe(kind));

  it("a thing has a page of its own; a list and the front page are none", () => {
    expect(isThing("/product/42", "product")).toBe(true);
    expect(isThing("/pricing", "pricing")).toBe(true);
    expect(isThing("/products", "product")).toBe(false);
    expect(isThing("/products/", "product")).toBe(false);
    expect(isThing("/", "other")).toBe(false);
    expect(isThing("/account/orders", "account")).toBe(false);
  });
});
