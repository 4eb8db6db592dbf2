import { expect, test } from "vitest";
import { monthsFrom } from "./AsOf";

test.each([
  ["2026-03-15", 1, "2026-04-15"],
  ["2026-03-15", -1, "2026-02-15"],
  ["2026-01-31", 1, "2026-02-28"],
  ["2024-01-31", 1, "2024-02-29"],
  ["2026-03-31", -1, "2026-02-28"],
  ["2026-12-31", 1, "2027-01-31"],
  ["2026-01-01", -1, "2025-12-01"],
])("%s and %i months is %s", (date, months, expected) => {
  expect(monthsFrom(date, months)).toBe(expected);
});
