import type { Driver } from "unstorage";

/** Share of calls (0–1) that go wrong, by how. */
export interface Faults {
  /** The call rejects and does nothing. */
  throw?: number;
  /** The call never answers. */
  hang?: number;
  /** A write is done, then rejects. */
  late?: number;
  /** A read resolves with an Error as its value. */
  errorValue?: number;
  /** A removal resolves and removes nothing. */
  noRemove?: number;
  /** A write stores only a part of the value, then rejects. */
  torn?: number;
  /** Same seed, same faults. @default 1 */
  seed?: number;
}

/**
 * An unstorage driver that fails the way real ones do, for tests. `faults` may be changed while it is in use.
 *
 * @example
 * const faults = { throw: 0.1, torn: 0.01, seed: 7 };
 * createAnalytics({ sites, storage: faultyDriver(memoryDriver(), faults) });
 */
export function faultyDriver(driver: Driver, faults: Faults): Driver {
  let state = (faults.seed ?? 1) >>> 0 || 1;

  /** xorshift: the same sequence for the same seed. */
  function chance(share: number | undefined): boolean {
    if (!share) return false;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32 < share;
  }

  function before(operation: string): Promise<never> | undefined {
    if (chance(faults.throw)) return Promise.reject(new Error(`injected: ${operation} failed`));
    if (chance(faults.hang)) return new Promise<never>(() => {});
    return undefined;
  }

  return {
    ...driver,
    async getItemRaw(key: string, options: never) {
      await before("read");
      if (chance(faults.errorValue)) return new Error("injected: an error as a value");
      return driver.getItemRaw!(key, options);
    },
    async setItemRaw(key: string, value: Uint8Array, options: never) {
      await before("write");
      if (chance(faults.torn)) {
        await driver.setItemRaw!(key, value.slice(0, Math.floor(value.length / 2)), options);
        throw new Error("injected: half written");
      }
      await driver.setItemRaw!(key, value, options);
      if (chance(faults.late)) throw new Error("injected: written, then failed");
    },
    async removeItem(key: string, options: never) {
      await before("remove");
      if (chance(faults.noRemove)) return;
      await driver.removeItem!(key, options);
    },
    async getKeys(base: string, options: never) {
      await before("list");
      return driver.getKeys(base, options);
    },
  } as Driver;
}
