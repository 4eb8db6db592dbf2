import { expect, test } from "vitest";
import type { TieBreak } from "../../rules/preview";
import { tiesOf } from "./ties";

const ranked = (...placed: (TieBreak | null)[]) =>
  placed.map((beforeNext, index) => ({ rank: index + 1, beforeNext }));

const said = (...placed: (TieBreak | null)[]) =>
  tiesOf(ranked(...placed)).map(
    ({ first, last, isOpen, by }) => `${first}-${last}${isOpen ? "+" : ""} ${by}`,
  );

test.each([
  [[], []],
  [["MEASURE", "MEASURE", null], []],
  [["AMOUNT", "MEASURE", null], ["1-2 AMOUNT"]],
  [["MEASURE", "RECENCY", "AMOUNT", "MEASURE", null], ["2-4 AMOUNT,RECENCY"]],
  [
    ["AMOUNT", "MEASURE", "NAME", null],
    ["1-2 AMOUNT", "3-4 NAME"],
  ],
  // What comes next is not shown, and measures the same.
  [["MEASURE", "MEASURE", "AMOUNT"], ["3-3+ AMOUNT"]],
  [["MEASURE", "KEY", "KEY"], ["2-3+ KEY"]],
  [["AMOUNT"], ["1-1+ AMOUNT"]],
] as const)("%j has the ties %j", (placed, expected) => {
  expect(said(...placed)).toEqual(expected);
});
