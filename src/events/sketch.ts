/** HyperLogLog: how many different hashes were added, from 16 kB whatever their number. */
const PRECISION = 14;
const REGISTERS = 1 << PRECISION;
/** Of 32 bits, and one for none at all. */
const MAX_RANK = 33;
/** One byte a register. */
export const SKETCH_BYTES = REGISTERS;
/** Relative standard error of an estimate. */
export const SKETCH_ERROR = 1.04 / Math.sqrt(REGISTERS);

export type Sketch = Uint8Array;

export const createSketch = (): Sketch => new Uint8Array(REGISTERS);

/** Takes a 52-bit hash (see `hashOf`), whose bits are mixed once more: here each of them matters by itself. */
export function addToSketch(sketch: Sketch, hash: number): void {
  const upper = Math.floor(hash / 0x1_0000_0000);
  const place = mix((hash >>> 0) ^ Math.imul(upper, 0x9e3779b1));
  const rank = Math.clz32(mix(upper ^ Math.imul(place, 0x85ebca77) ^ 0x27d4eb2f)) + 1;
  const index = place >>> (32 - PRECISION);
  if (rank > sketch[index]!) sketch[index] = rank;
}

export function mergeSketches(into: Sketch, from: Sketch): void {
  for (let i = 0; i < REGISTERS; i++) if (from[i]! > into[i]!) into[i] = from[i]!;
}

/** Unbiased at any number: after Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017). */
export function estimate(sketch: Sketch): number {
  const counts = new Uint32Array(MAX_RANK + 1);
  for (const rank of sketch) counts[rank]!++;
  let sum = REGISTERS * ofFull(1 - counts[MAX_RANK]! / REGISTERS);
  for (let rank = MAX_RANK - 1; rank > 0; rank--) sum = (sum + counts[rank]!) / 2;
  sum += REGISTERS * ofEmpty(counts[0]! / REGISTERS);
  return Math.round(REGISTERS ** 2 / (2 * Math.LN2 * sum));
}

/** What registers that nothing fell into, a share of all, add to the sum: x + x²·1 + x⁴·2 + x⁸·4 … */
function ofEmpty(share: number): number {
  if (share === 1) return Infinity;
  let sum = share;
  for (let power = share ** 2, weight = 1; sum + power * weight !== sum; power **= 2, weight *= 2) sum += power * weight;
  return sum;
}

/** The same for those that can rise no further; `share` is that of all others. */
function ofFull(share: number): number {
  if (share === 0 || share === 1) return 0;
  let sum = 1 - share;
  for (let root = Math.sqrt(share), weight = 0.5; ; root = Math.sqrt(root), weight /= 2) {
    const term = (1 - root) ** 2 * weight;
    if (sum - term === sum) return sum / 3;
    sum -= term;
  }
}

function mix(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
