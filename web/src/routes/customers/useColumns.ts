import { useMemo, useSyncExternalStore } from "react";
import { useLocalStorage } from "../../useLocalStorage";
import { attributeOf, type Column, columnOf, defaultColumns, standardColumns, wideColumns } from "./columns";
import { fitting, type Widths, widths } from "./layout";

const narrowest = 1440;
const cards = 720;

export type Columns = {
  /** The shown columns from left to right. */
  shown: Column[];
  widths: Widths;
  /** Those that the reader has chosen; empty for the ones that fit. */
  own: string[];
  setOwn: (ids: string[]) => void;
  /** What the rows are asked for. */
  asks: RowVariables;
};

export type RowVariables = { more: boolean; purchases: boolean; attributes: string[] };

/**
 * The columns of the list. Without a choice of the reader they are those that fit into the page; with one they are what was chosen, and
 * the table scrolls where they are wider than the page.
 */
export function useColumns(): Columns {
  const [own, setOwn] = useLocalStorage<string[]>("list.columns", read, (ids) => JSON.stringify(ids));
  const available = useAvailableWidth();
  const shown = useMemo(() => {
    const chosen = own.flatMap((id) => columnOf(id) ?? []);
    return chosen.length > 0 ? chosen : fittingColumns(available);
  }, [own, available]);
  const asks = useMemo(() => asksOf(shown), [shown]);
  return { shown, widths: widths(shown, available), own, setOwn, asks };
}

/** The columns of a reader who has chosen none. */
function fittingColumns(available: number): Column[] {
  const offered = standardColumns.filter(({ id }) => defaultColumns.includes(id));
  if (available < narrowest - sides) {
    const common = offered.filter(({ id }) => !wideColumns.includes(id));
    // A page without columns shows cards, which choose for themselves.
    return available < cards ? common : fitting(common, defaultColumns, available);
  }
  return fitting(offered, defaultColumns, available);
}

function asksOf(shown: Column[]): RowVariables {
  return {
    more: shown.some(({ asks }) => asks === "more"),
    purchases: shown.some(({ asks }) => asks === "purchases"),
    attributes: shown.flatMap(({ id }) => attributeOf(id) ?? []),
  };
}

function read(stored: string | null): string[] {
  try {
    const ids: unknown = JSON.parse(stored ?? "[]");
    return Array.isArray(ids) ? ids.filter((id) => typeof id === "string").slice(0, 60) : [];
  } catch {
    return [];
  }
}

/** The padding of the list and its scroll bar. */
const sides = 40;

function useAvailableWidth(): number {
  const subscribe = (changed: () => void) => {
    addEventListener("resize", changed);
    return () => removeEventListener("resize", changed);
  };
  const width = useSyncExternalStore(subscribe, () => document.documentElement.clientWidth);
  return width - sides;
}
