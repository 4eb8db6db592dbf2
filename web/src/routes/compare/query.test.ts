import { expect, test } from "vitest";
import { columnsOf, readCompareQuery } from "./query";

const columns = (address: string) => columnsOf(readCompareQuery(new URLSearchParams(address)));

test("the address says which columns there are", () => {
  expect(columns("")).toEqual([]);
  expect(columns("id=a")).toEqual([]);
  expect(columns("id=a&id=b&id=a")).toEqual([
    { unifiedId: "a", asOf: null },
    { unifiedId: "b", asOf: null },
  ]);
  expect(columns("id=a&id=b&id=c&id=d")).toHaveLength(3);
  expect(columns("id=a&id=b&asOf=2026-01-01").map(({ asOf }) => asOf)).toEqual(["2026-01-01", "2026-01-01"]);
  expect(columns("id=a&asOf=2026-01-01&asOf=x&asOf=2026-07-01")).toEqual([
    { unifiedId: "a", asOf: "2026-01-01" },
    { unifiedId: "a", asOf: "2026-07-01" },
  ]);
});
