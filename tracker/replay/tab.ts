/** Where a tab's recording goes on: after a navigation it is the same tab, and its chunks are numbered on. */
export interface Tab {
  session: string;
  tab: string;
  seq: number;
}

const KEY = "wysleap-replay";

/** Takes the tab's note away while the page lives: a copy of the tab must not number its chunks like this one. */
export const takeTab = (session: string): Tab => {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY)!) as Tab | null;
    sessionStorage.removeItem(KEY);
    if (kept && kept.session == session) return kept;
  } catch {
    // blocked: each page is a tab of its own
  }
  return { session, tab: crypto.getRandomValues(new Uint32Array(2)).join(""), seq: 0 };
};

export const keepTab = (tab: Tab) => {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(tab));
  } catch {
    // blocked
  }
};
