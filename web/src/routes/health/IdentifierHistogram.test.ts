import { expect, test } from "vitest";
import { histogram } from "./IdentifierHistogram";

test("every customer is in one bucket, and buckets end with the largest customer", () => {
  const counts = [1, 2, 10, 11, 20, 21, 50, 51, 1000, 1001, 5000].map((identifiers) => ({
    identifiers,
    profiles: 2,
  }));
  const bars = histogram(counts);
  expect(bars.reduce((sum, { profiles }) => sum + profiles, 0)).toBe(22);
  expect(bars.slice(-5).map(({ from, to, profiles }) => [from, to, profiles])).toEqual([
    [11, 20, 4],
    [21, 50, 4],
    [51, 100, 2],
    [101, 1000, 2],
    [1001, Number.POSITIVE_INFINITY, 4],
  ]);
  expect(histogram(counts.slice(0, 3)).map(({ from }) => from)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(histogram([])).toEqual([]);
});
