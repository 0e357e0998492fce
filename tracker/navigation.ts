import { life, on, safe } from "./guard.ts";
import { navigated } from "./pageview.ts";

declare global {
  interface Window {
    navigation?: EventTarget;
  }
}

/** For browsers without the Navigation API: routers see their own call, `this`, answer, name and length unchanged. */
const wrap = (navigationType: string) => {
  const name = (navigationType + "State") as "pushState";
  const original = history[name];
  const wrapped = (history[name] = new Proxy(original, {
    apply(...call) {
      const answer = Reflect.apply(...call);
      safe(navigated)({ navigationType });
      return answer;
    },
  }));
  life.signal.addEventListener("abort", () => {
    if (history[name] == wrapped) history[name] = original; // else someone wrapped ours, which only passes on now
  });
};

export const watchNavigation = () => {
  if (!FULL || window.navigation) on("currententrychange", navigated, window.navigation!);
  else {
    wrap("push");
    wrap("replace");
    on("popstate", navigated);
  }
};
