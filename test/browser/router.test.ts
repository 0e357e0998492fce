import { createRequire } from "node:module";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { describeInBrowser, drain, settled, until } from "./browser.ts";

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
      else setTimeout(() => (document.title = name + " " + id), 30);
    }, [pathname]);
    return h("main", null, name, h(Link, { to: "/things?page=2&secret=1" }, "things"));
  };
  const router = createBrowserRouter([{ path: "/", element: h(Outlet), children: [
    { index: true, element: h(View, { name: "Home" }) },
    { path: "things", element: h(View, { name: "Things" }) },
    { path: "things/:id", loader: () => new Promise((done) => setTimeout(done, 20, null)), element: h(View, { name: "Thing" }) },
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
      else setTimeout(() => (document.title = name + " " + route.params.id), 30);
    };
    onMounted(setTitle);
    watch(() => route.params.id, setTitle);
    return () => h("main", null, [name, h(RouterLink, { to: "/things?page=2&secret=1" }, () => "things")]);
  } });
  const router = createRouter({ history: createWebHistory(), routes: [
    { path: "/", component: view("Home") },
    { path: "/things", component: view("Things") },
    { path: "/things/:id", component: view("Thing"), beforeEnter: () => new Promise((done) => setTimeout(done, 20)) },
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
    const page = await stage.open("/");
    await page.waitForSelector("main");
    const seen = (): string[][] => stage.server.pageviews().map((item) => [item.pageUrl.replace(stage.server.origin, ""), item.pageTitle]);
    const go = async (path: string, options?: object): Promise<void> => {
      await page.evaluate(([path, options]) => void (window as any).go(path, options), [path, options] as const);
      await page.waitForTimeout(300);
    };
    await until(() => stage.server.pageviews().length === 1);

    await page.click("main a");
    await page.waitForTimeout(300);
    await go("/things?page=3"); // another query of the same page
    await go("/things/1");
    await go("/things/1"); // where it is already
    await go("/things/1#part");
    await go("/things/2", { replace: true });
    await go("/old"); // redirects, and is never shown
    await page.goBack();
    await page.waitForTimeout(300);
    await page.goForward();
    await page.waitForTimeout(300);
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
    await settled(page);
    // and so they are in the report, as one visit
    const { site } = await stage.server.analytics.getVisitors("demo");
    expect(site).toMatchObject({ totalPageviews: 7, totalSessions: 1 });
  });
});
