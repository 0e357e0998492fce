import { expect, it } from "vitest";
import { describeInBrowser, drain } from "./browser.ts";

const BODY = `
  <style>form { margin: 0 }</style>
  <a id="inner" href="/next?token=1"> Next page </a>
  <a id="outer" href="https://other.example/path?session=1">Elsewhere</a>
  <a id="file" href="/files/Prices.PDF">Prices</a>
  <a id="save" href="/export" download>Export</a>
  <a id="mail" href="mailto:jo@example.com">Write to jo@example.com</a>
  <button id="plain">Buy <b>now</b></button>
  <div data-wysleap-event="Plan Chosen" data-wysleap-plan="pro" data-wysleap-seat-count="5"><i id="named">Pro</i></div>
  <form id="signup"><input name="id" value="secret-name"><input type="password" value="secret-password">
    <textarea>secret-text</textarea><button id="submit">Join</button></form>
  <form id="named-form" data-wysleap-event="Newsletter Joined" data-wysleap-list="weekly"><input id="field" value="x"><button>Go</button></form>
  <p id="text">Some text</p><span id="dead"></span>
  <script>
    document.addEventListener("click", (event) => event.target.closest("a") && event.preventDefault());
    document.addEventListener("submit", (event) => event.preventDefault());
    document.getElementById("plain").addEventListener("click", (event) => event.stopImmediatePropagation());
  </script>
  <style>#dead { display: inline-block; width: 40px; height: 20px }</style>`;

describeInBrowser("clicks", (stage) => {
  const events = async () =>
    (await stage.server.stored())
      .filter((event) => event.type === "event" && event.name !== "Drained")
      .map((event) => [event.name, event.data] as const);

  it("links and buttons are recorded by what they are, even where the page stops the event", async () => {
    stage.server.body = BODY;
    const page = await stage.open("/");
    for (const id of ["inner", "outer", "file", "save", "mail", "plain", "text"]) await page.click(`#${id}`);
    await drain(stage, page);
    const { origin } = stage.server;
    expect(await events()).toEqual([
      ["Link Clicked", { id: "inner", text: "Next page", url: `${origin}/next` }],
      ["Outbound Link Clicked", { id: "outer", text: "Elsewhere", url: "https://other.example/path" }],
      ["File Downloaded", { id: "file", text: "Prices", url: `${origin}/files/Prices.PDF` }],
      ["File Downloaded", { id: "save", text: "Export", url: `${origin}/export`, download: "" }],
      ["Outbound Link Clicked", { id: "mail", text: "Write to [email]", url: "[email]" }],
      ["Button Clicked", { id: "plain", text: "Buy now" }],
    ]);
    expect(JSON.stringify(stage.server.batches)).not.toMatch(/token=|session=1|jo@/);
  });

  it("a middle click counts, a right click does not", async () => {
    stage.server.body = BODY;
    const page = await stage.open("/");
    await page.click("#outer", { button: "middle", modifiers: [] });
    await page.click("#outer", { button: "right" });
    await drain(stage, page);
    expect((await events()).map(([name]) => name)).toEqual(["Outbound Link Clicked"]);
  });

  it("an element can name its event and bring data", async () => {
    stage.server.body = BODY;
    const page = await stage.open("/");
    await page.click("#named");
    await page.click("#field");
    await page.click("#named-form button");
    await drain(stage, page);
    expect(await events()).toEqual([
      ["Plan Chosen", { text: "Pro", plan: "pro", seatCount: "5" }],
      ["Button Clicked", { text: "Go" }],
      ["Newsletter Joined", { id: "named-form", list: "weekly" }],
    ]);
  });

  it("a form counts when it is sent, and nothing that was typed leaves the browser", async () => {
    stage.server.body = BODY;
    const page = await stage.open("/");
    await page.fill("#signup input[type=password]", "secret-typed");
    await page.click("#submit");
    await drain(stage, page);
    expect((await events()).map(([name]) => name)).toEqual(["Button Clicked", "Form Submitted"]);
    expect(JSON.stringify(stage.server.batches)).not.toContain("secret-");
  });

  it("four clicks in a row on one spot are a rage click; three, which select a paragraph, are not", async () => {
    stage.server.body = BODY;
    const page = await stage.open("/");
    await page.click("#dead", { clickCount: 5 });
    await page.click("#text", { clickCount: 3 });
    await drain(stage, page);
    expect(await events()).toEqual([["Rage Click", { id: "dead" }]]);
  });

  it("with data-track-clicks=false none is recorded", async () => {
    stage.server.body = BODY;
    stage.server.attributes = 'data-track-clicks="false"';
    const page = await stage.open("/");
    await page.click("#outer");
    await page.click("#submit");
    await drain(stage, page);
    expect(await events()).toEqual([]);
    expect(stage.server.pageviews()).toHaveLength(1);
  });

  it("a link is followed at once, and its click arrives although the page is gone", async () => {
    stage.server.body = '<a href="/next">Next</a>';
    const page = await stage.open("/");
    await page.click("a");
    await page.waitForURL("**/next");
    await drain(stage, page);
    expect(await events()).toEqual([["Link Clicked", { text: "Next", url: `${stage.server.origin}/next` }]]);
    expect(stage.server.pageviews().map((item) => item.pageTitle)).toEqual(["/", "/next"]);
    expect(new Set(stage.server.accepted().map((item) => item.sessionId)).size).toBe(1);
  });
});
