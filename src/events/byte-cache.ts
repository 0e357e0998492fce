/** Values kept in memory as long as their estimated bytes stay within a bound: the least recently used go first. */
export interface ByteCache<V> {
  /** Counts as used. */
  get(key: string): V | undefined;
  /** One value is kept in any case. */
  put(key: string, value: V): void;
}

export function createByteCache<V>(maxBytes: number, weigh: (value: V) => number): ByteCache<V> {
  const entries = new Map<string, { value: V; bytes: number }>();
  let bytes = 0;

  function drop(key: string): void {
    bytes -= entries.get(key)?.bytes ?? 0;
    entries.delete(key);
  }

  return {
    get(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    put(key, value) {
      drop(key);
      const weight = weigh(value);
      entries.set(key, { value, bytes: weight });
      bytes += weight;
      for (const oldest of entries.keys()) {
        if (bytes <= maxBytes || entries.size === 1) break;
        drop(oldest);
      }
    },
  };
}
