import { expect, test } from "vitest";
import { dayAfter, monthsFrom, within } from "./dates";

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

test("dates are kept within a range", () => {
  const range = { first: "2026-01-10", last: dayAfter("2026-02-28") };
  expect(
    ["2025-12-31", "2026-01-10", "2026-02-01", "2026-03-01", "2026-03-02"].map((date) => within(range, date)),
  ).toEqual(["2026-01-10", "2026-01-10", "2026-02-01", "2026-03-01", "2026-03-01"]);
});
