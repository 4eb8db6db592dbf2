import type { TieBreak } from "../../rules/preview";

type Placed = { rank: number; beforeNext: TieBreak | null };

/** Items of one ranking that measure the same. */
export type Tie<Item> = {
  /** The first rank. */
  first: number;
  /** The last rank that is shown. */
  last: number;
  /** Whether the next item, which is not shown, measures the same. */
  isOpen: boolean;
  /** What orders them, in the order in which it decides. */
  by: Exclude<TieBreak, "MEASURE">[];
  /** One of them. */
  item: Item;
};

const decisions: Exclude<TieBreak, "MEASURE">[] = ["AMOUNT", "UNITS", "RECENCY", "NAME", "KEY"];

/** The ties of a ranking, in its order. What places an item is core's answer. */
export function tiesOf<Item extends Placed>(items: Item[]): Tie<Item>[] {
  const ties: Tie<Item>[] = [];
  let start = 0;
  items.forEach((item, index) => {
    const isLast = index === items.length - 1;
    const isTied = item.beforeNext !== null && item.beforeNext !== "MEASURE";
    if (isTied && !isLast) return;
    const run = items.slice(start, index + 1);
    start = index + 1;
    const [first] = run;
    if (!first || (run.length === 1 && !isTied)) return;
    const found = new Set(run.map(({ beforeNext }) => beforeNext));
    // The last one of a closed run is placed by its measure, before an item that is not part of it.
    ties.push({
      first: first.rank,
      last: item.rank,
      isOpen: isTied,
      by: decisions.filter((decision) => found.has(decision)),
      item: first,
    });
  });
  return ties;
}
