/** Bodies of a writer's own segments kept until a checkpoint covers them; the rest is read back from storage. */
const MAX_CHARS = 12 * 1024 * 1024;

export interface RecentSegments {
  put(n: number, body: string): void;
  get(n: number): string | undefined;
  /** Forgets all below `n`. */
  dropBelow(n: number): void;
}

export function createRecentSegments(): RecentSegments {
  const bodies = new Map<number, string>();
  let chars = 0;
  return {
    put(n, body) {
      if (chars + body.length > MAX_CHARS) return;
      bodies.set(n, body);
      chars += body.length;
    },
    get: (n) => bodies.get(n),
    dropBelow(n) {
      for (const [known, body] of bodies) {
        if (known >= n) break;
        bodies.delete(known);
        chars -= body.length;
      }
    },
  };
}
