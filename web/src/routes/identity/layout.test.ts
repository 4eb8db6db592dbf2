import { expect, test } from "vitest";
import { type LayoutEdge, layout } from "./layout";

const size = { width: 800, height: 420 };
const ids = ["a", "b", "c", "d", "e"];
const edges: LayoutEdge[] = [
  { from: "a", to: "b", loose: false },
  { from: "b", to: "c", loose: false },
  { from: "c", to: "d", loose: false },
  { from: "d", to: "e", loose: true },
];
const distance = (a: { x: number; y: number }, b: { x: number; y: number }) =>
  Math.hypot(a.x - b.x, a.y - b.y);

test("the same graph always gets the same layout", () => {
  expect(layout(ids, edges, size)).toEqual(layout(ids, edges, size));
});

test("every identifier gets a place of its own, in the given order", () => {
  for (const n of [0, 1, 2, 5, 40, 250]) {
    const many = Array.from({ length: n }, (_, index) => `${index}`);
    const star = many.slice(1).map((to) => ({ from: "0", to, loose: false }));
    const nodes = layout(many, star, size);
    expect(nodes.map(({ id }) => id)).toEqual(many);
    expect(nodes.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
    expect(new Set(nodes.map(({ x, y }) => `${x} ${y}`)).size).toBe(n);
  }
});

test("linked identifiers are nearer than others", () => {
  const at = new Map(layout(ids, edges, size).map((node) => [node.id, node]));
  const between = (a: string, b: string) => distance(at.get(a) as never, at.get(b) as never);
  for (const { from, to } of edges) expect(between(from, to)).toBeLessThan(between("a", "e"));
});

test("a withheld link is longer than one that is followed", () => {
  const length = (loose: boolean) => {
    const [a, b] = layout(["a", "b"], [{ from: "a", to: "b", loose }], { width: 1, height: 1 });
    return distance(a as never, b as never);
  };
  expect(length(true)).toBeGreaterThan(length(false));
});
