import { expect, test } from "vitest";
import { hashOf } from "../../src/events/rollup.ts";
import { addToSketch, createSketch, estimate, mergeSketches, SKETCH_ERROR } from "../../src/events/sketch.ts";

function sketchOf(from: number, to: number, name = (i: number) => `vis_${i}`) {
  const sketch = createSketch();
  for (let i = from; i < to; i++) addToSketch(sketch, hashOf(name(i)));
  return sketch;
}

test("the hash of a visitor's id has no two alike among a million that look alike", () => {
  const hashes = Float64Array.from({ length: 1_000_000 }, (_, i) => hashOf(`vis_${i}`)).sort();
  expect(hashes.reduce((same, hash, i) => same + (i > 0 && hash === hashes[i - 1] ? 1 : 0), 0)).toBe(0);
});

test("an estimate is off by no more than a few times its stated error, few visitors or many, whatever their ids", () => {
  expect(SKETCH_ERROR).toBeCloseTo(0.0081, 4);
  expect(estimate(createSketch())).toBe(0);
  const names = [(i: number) => `vis_${i}`, (i: number) => `${i.toString(36)}@example.com`, (i: number) => `9b2f-${(i * 7919).toString(16)}-0000`];
  const errors: number[] = [];
  for (const name of names) {
    for (const count of [10, 1_000, 20_000, 40_000, 60_000, 200_000, 1_000_000]) {
      const error = estimate(sketchOf(0, count, name)) / count - 1;
      expect(Math.abs(error), `${name(1)} ${count}`).toBeLessThan(3.5 * SKETCH_ERROR);
      errors.push(error);
    }
  }
  expect(Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length)).toBeLessThan(1.5 * SKETCH_ERROR);
});

test("estimates are as often too high as too low, also where the sketch is full just now", () => {
  for (const count of [30_000, 41_000, 45_000, 50_000]) {
    const errors = Array.from({ length: 30 }, (_, n) => estimate(sketchOf(0, count, (i) => `${n}_${i}`)) / count - 1);
    expect(Math.abs(errors.reduce((sum, error) => sum + error) / errors.length), String(count)).toBeLessThan(0.0045); // 3 times that of a mean of 30
  }
});

test("sketches of two halves that overlap say together what one of the whole says", () => {
  const merged = sketchOf(0, 60_000);
  mergeSketches(merged, sketchOf(40_000, 100_000));
  expect(merged).toEqual(sketchOf(0, 100_000));
});
