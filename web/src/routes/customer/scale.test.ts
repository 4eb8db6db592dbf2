import { expect, test } from "vitest";
import { scale } from "./scale";

test.each([
  [0, 1, []],
  [-5, 1, []],
  [3_035_000, 4_000_000, [2_000_000, 4_000_000]],
  [900, 1000, [500, 1000]],
  [1_200_000, 1_500_000, [500_000, 1_000_000, 1_500_000]],
  [30, 30, [10, 20, 30]],
])("a chart up to %i ends at %i", (largest, top, ticks) => {
  expect(scale(largest)).toEqual({ top, ticks });
});
