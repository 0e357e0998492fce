import { life, on, safe } from "./guard.ts";

declare global {
  interface Window {
    navigation: EventTarget;
  }
}

type Navigated = (replaced: boolean) => void;

/** For browsers without the Navigation API: routers see their own call, `this`, answer, name and length unchanged. */
const wrap = (name: "pushState" | "replaceState", navigated: Navigated) => {
  const original = history[name];
  const seen = safe(navigated);
  const wrapped = new Proxy(original, {
    apply(call, self, args) {
      const answer = call.apply(self, args as never);
      seen(name == "replaceState");
      return answer;
    },
  });
  history[name] = wrapped;
  if (PART.unwrap) {
    life.signal.addEventListener("abort", () => {
      if (history[name] == wrapped) history[name] = original; // else someone wrapped ours, which only passes on now
    });
  }
};

export const watchNavigation = (navigated: Navigated) => {
  if (PART.navigationApi && window.navigation) {
    const seen = safe((event: Event & { navigationType?: string }) => navigated(event.navigationType == "replace"));
    window.navigation.addEventListener("currententrychange", seen, { signal: life.signal });
  } else {
    wrap("pushState", navigated);
    wrap("replaceState", navigated);
    on("popstate", () => navigated(false));
  }
};
