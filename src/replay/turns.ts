/** One at a time by name: each act begins when the one before it has ended. */
export interface Turns {
  take<T>(name: string, act: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    take(name, act) {
      const turn = (last.get(name) ?? Promise.resolve()).then(act, act);
      const settled = turn.catch(() => {});
      last.set(name, settled);
      void settled.then(() => {
        if (last.get(name) === settled) last.delete(name);
      });
      return turn;
    },
  };
}
