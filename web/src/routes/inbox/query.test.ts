import { expect, test } from "vitest";
import { parseQuery, writeQuery } from "./query";

test("an address names the kind, the order and the case, and earlier addresses still lead there", () => {
  const table = [
    ["", { kind: "CONTESTED", order: "SCORE" }, ""],
    [
      "kind=SHARED&order=NEWEST&case=shared.1",
      { kind: "SHARED", order: "NEWEST", id: "shared.1" },
      undefined,
    ],
    ["reason=SHARED", { kind: "SHARED", order: "SCORE" }, "kind=SHARED"],
    ["reason=DIFFERENT", { kind: "SETTLED", order: "SCORE" }, "kind=SETTLED"],
    ["link=a.b", { kind: "CONTESTED", order: "SCORE", link: "a.b" }, undefined],
    ["kind=nonsense&order=nonsense", { kind: "CONTESTED", order: "SCORE" }, ""],
  ] as const;
  for (const [search, query, again] of table) {
    expect(parseQuery(search), search).toEqual({ id: undefined, link: undefined, ...query });
    expect(writeQuery(parseQuery(search))).toBe(again ?? search);
  }
});
