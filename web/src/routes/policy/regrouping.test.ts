import { expect, test } from "vitest";
import { policy } from "../../rules/samples";
import { movesOf, ofPreview, ofSimulation, type Side } from "./regrouping";

const avatar = { letter: "K", color: "#307c5f" };
const identifier = (value: string, from: string | null) => ({
  identifier: { kind: "phone", value, unifiedId: `id ${value}` },
  from,
});
const profile = (unifiedId: string) => ({
  id: `profile ${unifiedId}`,
  unifiedId,
  basic: { name: `Kim ${unifiedId}`, avatar },
});
const part = (unifiedId: string, identifiers: ReturnType<typeof identifier>[]) => ({
  unifiedId,
  identifierCount: identifiers.length,
  identifiers,
});
const moves = (change: Parameters<typeof ofSimulation>[0]) =>
  movesOf(ofSimulation(change)).map(({ identifier: { value }, kind }) => `${value} ${kind}`);

test("a split names what leaves, a merge what joins", () => {
  const split = {
    before: ["a"],
    after: ["a", "b"],
    profiles: [profile("a")],
    parts: [part("a", [identifier("1", "a"), identifier("2", "a")]), part("b", [identifier("3", "a")])],
  };
  expect(moves(split)).toEqual(["3 leaves"]);
  const merge = {
    before: ["a", "b"],
    after: ["a"],
    profiles: [profile("a"), profile("b")],
    parts: [part("a", [identifier("1", "a"), identifier("3", "b")])],
  };
  expect(moves(merge)).toEqual(["3 joins"]);
});

test("both sides list the identifiers, and a customer keeps its name", () => {
  const { before, after } = ofSimulation({
    before: ["a"],
    after: ["a", "b"],
    profiles: [profile("a")],
    parts: [part("a", [identifier("1", "a")]), part("b", [identifier("3", "a"), identifier("4", null)])],
  });
  const values = ({ identifiers }: Side) => identifiers.map(({ value }) => value);
  expect(before.map(values)).toEqual([["1", "3"]]);
  expect(after.map(values)).toEqual([["1"], ["3", "4"]]);
  expect(after.map(({ name }) => name)).toEqual(["Kim a", null]);
});

test("a preview of the module has the same form, with figures", () => {
  const [change] = policy.changes;
  if (!change) throw new Error("the sample has no change");
  const { before, after } = ofPreview(policy, change);
  expect(before.map(({ unifiedId }) => unifiedId).toSorted()).toEqual(change.before.toSorted());
  expect(after.map(({ unifiedId }) => unifiedId).toSorted()).toEqual(change.after.toSorted());
  expect([...before, ...after].every((side) => side.profile !== undefined)).toBe(true);
});
