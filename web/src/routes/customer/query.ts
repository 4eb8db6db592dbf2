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
  months: Months;
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
    months: windows.find((months) => String(months) === parameters.get("months")) ?? 12,
    by: measures.find((measure) => measure === parameters.get("by")) ?? "UNITS",
  };
  const show = (change: Partial<CardQuery>) => {
    const next = { ...query, ...change };
    // The timeline has parameters of its own.
    const address = new URLSearchParams(search);
    for (const name of ["asOf", "months", "by"]) address.delete(name);
    if (next.asOf) address.set("asOf", next.asOf);
    if (next.months !== 12) address.set("months", String(next.months));
    if (next.by !== "UNITS") address.set("by", next.by);
    navigate(address.size ? `${path}?${address}` : path, { replace: true });
  };
  return [query, show];
}
