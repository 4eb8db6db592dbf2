import { expect, test } from "vitest";
import type {
  DecisionFactsFragment,
  LinkEndFragment,
  LinkFactsFragment,
  WithheldFactsFragment,
} from "../../graphql/generated/graphql";
import { edgesOf, type IdentityProfile, isNotable, marksOf } from "./graph";

const end = (id: string): LinkEndFragment =>
  ({ kind: "email", value: id, unifiedId: id, shared: false }) as LinkEndFragment;
const link = (a: string, b: string) => ({ a: end(a), b: end(b), decision: null }) as LinkFactsFragment;
const withheld = (a: string, b: string) =>
  ({ link: link(a, b), reason: "LIMIT", kind: "email" }) as WithheldFactsFragment;
const decision = (a: string, b: string, more: Partial<DecisionFactsFragment> = {}) =>
  ({
    id: `${a}${b}`,
    a: end(a),
    b: end(b),
    relation: "SAME",
    revokedAt: null,
    ...more,
  }) as DecisionFactsFragment;

const graph = (parts: Partial<IdentityProfile["graph"]>) =>
  ({
    identifiers: ["a", "b", "c"].map(end),
    links: [],
    withheld: [],
    bridges: [],
    ...parts,
  }) as unknown as IdentityProfile["graph"];
const drawn = (parts: Partial<IdentityProfile["graph"]>, decisions: DecisionFactsFragment[] = []) => {
  const { edges, ghosts } = edgesOf(graph(parts), decisions);
  return {
    edges: edges.map(({ key, as }) => `${as} ${key}`),
    ghosts: ghosts.map(({ unifiedId }) => unifiedId),
  };
};

test("links are drawn, and withheld ones lead to ghosts of their other ends", () => {
  expect(
    drawn({
      links: [link("a", "b")],
      withheld: [withheld("b", "x"), withheld("c", "x"), withheld("y", "c")],
    }),
  ).toEqual({
    edges: ["link a.b", "withheld b.x", "withheld c.x", "withheld y.c"],
    ghosts: ["x", "y"],
  });
});

test("a bridge names the identifiers that would leave", () => {
  const bridges = [{ link: link("b", "c"), leaving: [end("c")] }];
  const { edges } = edgesOf(graph({ links: [link("a", "b"), link("b", "c")], bridges } as never), []);
  const leaving = edges.map((edge) => edge.as === "link" && edge.leaving?.map(({ unifiedId }) => unifiedId));
  expect(leaving).toEqual([undefined, ["c"]]);
});

test.each([
  ["no link is there", decision("a", "b"), ["decision a.b"]],
  ["it is revoked", decision("a", "b", { revokedAt: "2026-01-01T00:00:00Z" }), []],
  ["it keeps two apart", decision("a", "b", { relation: "DIFFERENT" }), []],
  ["one end is another customer's", decision("a", "x"), []],
])("a decision is an edge of its own only where it alone connects: %s", (_, made, expected) => {
  expect(drawn({}, [made]).edges).toEqual(expected);
});

test("a decision about a link is not drawn twice", () => {
  expect(drawn({ links: [link("a", "b")] }, [decision("a", "b")]).edges).toEqual(["link a.b"]);
});

const of = (kind: string) => ({ ...end(kind), kind });

test.each([
  ["a device", [of("device_id")], false],
  ["a phone", [of("phone")], false],
  ["an account", [of("external_id")], true],
  ["two devices", [of("device_id"), of("device_id")], true],
])("the only connection to %s", (_, leaving, expected) => {
  expect(isNotable(leaving)).toBe(expected);
});

test("a legend has what occurs", () => {
  const { identifiers, ...parts } = graph({ withheld: [withheld("a", "x")] });
  const marks = marksOf(edgesOf({ identifiers, ...parts }, [decision("a", "b")]), identifiers);
  expect(marks).toEqual({
    kinds: ["email"],
    link: false,
    bridge: false,
    decision: true,
    withheld: true,
    shared: false,
  });
});
