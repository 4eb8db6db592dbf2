import { useLocation, useSearch } from "wouter";
import type { RankBy } from "../../graphql/generated/graphql";

export const windows = [3, 6, 12] as const;
export type Months = (typeof windows)[number];
/** Milliseconds for which a date has to stay the same before the server is asked for it. */
export const debounceMs = 250;
export const measures: RankBy[] = ["UNITS", "ORDERS", "AMOUNT"];

export type CardQuery = {
  /** The reporting date; without one in the address, today in the policy's time zone. */
  asOf: string | undefined;
  /** The window of the long rankings; without one, the short rankings of all windows are shown. */
  months: Months | undefined;
  by: RankBy;
};

/** What the card shows; all of it is in the address. */
export function useCardQuery(): [CardQuery, (change: Partial<CardQuery>) => void] {
  const [path, navigate] = useLocation();
  const search = useSearch();
  const parameters = new URLSearchParams(search);
  const asOf = parameters.get("asOf") ?? "";
  const query: CardQuery = {
    asOf: /^\d{4}-\d{2}-\d{2}$/.test(asOf) && !Number.isNaN(Date.parse(asOf)) ? asOf : undefined,
    months: windows.find((months) => String(months) === parameters.get("months")),
    by: measures.find((measure) => measure === parameters.get("by")) ?? "UNITS",
  };
  const show = (change: Partial<CardQuery>) => {
    const next = { ...query, ...change };
    // The timeline has parameters of its own.
    const address = new URLSearchParams(search);
    const set = (name: string, value: string | undefined) =>
      value === undefined ? address.delete(name) : address.set(name, value);
    set("asOf", next.asOf);
    set("months", next.months && String(next.months));
    set("by", next.by === "UNITS" ? undefined : next.by);
    navigate(address.size ? `${path}?${address}` : path, { replace: true });
  };
  return [query, show];
}
