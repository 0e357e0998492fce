/** HyperLogLog: how many different hashes were added, from 16 kB whatever their number. */
const PRECISION = 14;
const REGISTERS = 1 << PRECISION;
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

export function estimate(sketch: Sketch): number {
  let sum = 0;
  let empty = 0;
  for (const rank of sketch) {
    sum += 2 ** -rank;
    if (rank === 0) empty++;
  }
  const raw = ((0.7213 / (1 + 1.079 / REGISTERS)) * REGISTERS ** 2) / sum;
  // few of them: the share of registers that nothing fell into says it better
  return Math.round(raw <= 2.5 * REGISTERS && empty > 0 ? REGISTERS * Math.log(REGISTERS / empty) : raw);
}

function mix(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
