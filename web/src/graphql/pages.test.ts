import { expect, test } from "vitest";
import { append } from "./pages";

test("pages are appended until the connection ends; the count of the first page stays", () => {
  const first = append("all", undefined, {
    nodes: ["a", "b"],
    pageInfo: { hasNextPage: true, endCursor: "b" },
    totalCount: 3,
  });
  expect(first).toEqual({ key: "all", nodes: ["a", "b"], total: 3, cursor: "b", more: true });
  const second = append("all", first, { nodes: ["c"], pageInfo: { hasNextPage: false, endCursor: "c" } });
  expect(second).toEqual({ key: "all", nodes: ["a", "b", "c"], total: 3, cursor: "c", more: false });
});

test("an empty connection has no cursor and nothing more", () => {
  const empty = append("none", undefined, { nodes: [], pageInfo: { hasNextPage: false } });
  expect(empty).toEqual({ key: "none", nodes: [], total: undefined, cursor: null, more: false });
});
