import { createRequire } from "node:module";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { describeInBrowser, drain, settled, until, withClock } from "./browser.ts";

const root = new URL("../..", import.meta.url).pathname;
const versionOf = (name: string): string => createRequire(import.meta.url)(`${name}/package.json`).version;

/** Both apps have the same routes; each view sets its title once it is on the page, a view of a thing only when its data came. */
const REACT = `
  import { createElement as h, useEffect } from "react";
  import { createRoot } from "react-dom/client";
  import { createBrowserRouter, Link, Outlet, redirect, useLocation, useParams } from "react-router";
  import { RouterProvider } from "react-router/dom";
  const View = ({ name }) => {
    const { id } = useParams();
    const { pathname } = useLocation();
    useEffect(() => {
      if (!id) document.title = name;
      else fetch("/data").then(() => (document.title = name + " " + id));
    }, [pathname]);
    return h("main", null, name, h(Link, { to: "/things?page=2&secret=1" }, "things"));
  };
  const router = createBrowserRouter([{ path: "/", element: h(Outlet), children: [
    { index: true, element: h(View, { name: "Home" }) },
    { path: "things", element: h(View, { name: "Things" }) },
    { path: "things/:id", loader: () => fetch("/data").then(() => null), element: h(View, { name: "Thing" }) },
    { path: "old", loader: () => redirect("/things/7") },
  ] }]);
  createRoot(document.getElementById("app")).render(h(RouterProvider, { router }));
  window.go = (to, options) => router.navigate(to, options);`;

const VUE = `
  import { createApp, h, onMounted, watch } from "vue";
  import { createRouter, createWebHistory, RouterLink, RouterView, useRoute } from "vue-router";
  const view = (name) => ({ setup() {
    const route = useRoute();
    const setTitle = () => {
      if (!route.params.id) document.title = name;
      else fetch("/data").then(() => (document.title = name + " " + route.params.id));
    };
    onMounted(setTitle);
    watch(() => route.params.id, setTitle);
    return () => h("main", null, [name, h(RouterLink, { to: "/things?page=2&secret=1" }, () => "things")]);
  } });
  const router = createRouter({ history: createWebHistory(), routes: [
    { path: "/", component: view("Home") },
    { path: "/things", component: view("Things") },
    { path: "/things/:id", component: view("Thing"), beforeEnter: () => fetch("/data").then(() => true) },
    { path: "/old", redirect: "/things/7" },
  ] });
  createApp({ render: () => h(RouterView) }).use(router).mount("#app");
  window.go = (to, options) => (options?.replace ? router.replace(to) : router.push(to));`;

const bundles = new Map<string, Promise<string>>();
async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    write: false,
    minify: true,
    format: "iife",
    define: { "process.env.NODE_ENV": '"production"', "__VUE_OPTIONS_API__": "false", "__VUE_PROD_DEVTOOLS__": "false", "__VUE_PROD_HYDRATION_MISMATCH_DETAILS__": "false" },
    logLevel: "error",
  });
  return outputFiles[0]!.text;
}

describeInBrowser("an app with a real router", (stage) => {
  it.each([
    [`React Router ${versionOf("react-router")}`, REACT],
    [`vue-router ${versionOf("vue-router")}`, VUE],
  ])("%s: each navigation counts once, under its own address and title", async (_name, app) => {
    if (!bundles.has(app)) bundles.set(app, bundle(app));
    const script = (await bundles.get(app)!).replaceAll("</script", "<\\/script");
    for (const path of ["/", "/things", "/old"]) {
      stage.server.pages.set(path, { html: `<!doctype html><title>Loading</title>${stage.server.tag()}<body><div id="app"></div><script type="module">${script}</script>` });
    }
    // the tracker's own seconds pass when told: a pageview gets its title when the next one comes, or when it is sent
    const page = await stage.open("/", withClock);
    const seen = (): string[][] => stage.server.pageviews().map((item) => [item.pageUrl.replace(stage.server.origin, ""), item.pageTitle]);
    const titled = (title: string) => until(async () => (await page.title()) === title);
    const go = async (path: string, title: string, options?: object): Promise<void> => {
      await page.evaluate(([path, options]) => (window as any).go(path, options), [path, options] as const);
      await titled(title);
    };
    await titled("Home");

    await page.evaluate(() => document.querySelector<HTMLElement>("main a")!.click());
    await titled("Things");
    await go("/things?page=3", "Things"); // another query of the same page
    await go("/things/1", "Thing 1");
    await go("/things/1", "Thing 1"); // where it is already
    await go("/things/1#part", "Thing 1");
    await page.clock.runFor(2_000); // a page that is replaced before it was sent is a redirect
    await go("/things/2", "Thing 2", { replace: true });
    await go("/old", "Thing 7"); // redirects, and is never shown
    await page.goBack();
    await titled("Thing 2");
    await page.goForward();
    await titled("Thing 7");
    await drain(stage, page);

    expect(seen()).toEqual([
      ["/", "Home"],
      ["/things", "Things"],
      ["/things/1", "Thing 1"],
      ["/things/2", "Thing 2"],
      ["/things/7", "Thing 7"],
      ["/things/2", "Thing 2"],
      ["/things/7", "Thing 7"],
    ]);
    expect(JSON.stringify(stage.server.batches)).not.toContain("secret");
    await page.clock.resume();
    await settled(page);
    // and so they are in the report, as one visit
    const { site } = await stage.server.analytics.getVisitors("demo");
    expect(site).toMatchObject({ totalPageviews: 7, totalSessions: 1 });
  });
});
