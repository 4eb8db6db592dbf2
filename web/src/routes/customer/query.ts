import { useLocation, useSearch } from "wouter";
import type { RankBy } from "../../graphql/generated/graphql";

export const windows = [3, 6, 12] as const;
export type Months = (typeof windows)[number];
/** How long a date has to stand before the server is asked for it, in milliseconds. */
export const debounceMs = 250;
export const measures: RankBy[] = ["UNITS", "ORDERS", "AMOUNT"];

export type CardQuery = {
  /** The reporting date; today's, by the server's calendar, where the address names none. */
  asOf: string | undefined;
  months: Months;
  by: RankBy;
};

/** What the card is asked to show: all of it stands in the address. */
export function useCardQuery(): [CardQuery, (change: Partial<CardQuery>) => void] {
  const [path, navigate] = useLocation();
  const parameters = new URLSearchParams(useSearch());
  const asOf = parameters.get("asOf") ?? "";
  const query: CardQuery = {
    asOf: /^\d{4}-\d{2}-\d{2}$/.test(asOf) && !Number.isNaN(Date.parse(asOf)) ? asOf : undefined,
    months: windows.find((months) => String(months) === parameters.get("months")) ?? 12,
    by: measures.find((measure) => measure === parameters.get("by")) ?? "UNITS",
  };
  const show = (change: Partial<CardQuery>) => {
    const next = { ...query, ...change };
    const address = new URLSearchParams();
    if (next.asOf) address.set("asOf", next.asOf);
    if (next.months !== 12) address.set("months", String(next.months));
    if (next.by !== "UNITS") address.set("by", next.by);
    navigate(address.size ? `${path}?${address}` : path, { replace: true });
  };
  return [query, show];
}
