import { useLocation, useSearch } from "wouter";
import { comparePath } from "../views";

/** The most customers or dates next to each other. */
export const mostColumns = 3;

export type CompareQuery = { unifiedIds: string[]; dates: string[] };

/** Which customers are compared, and on which dates; all of it is in the address. */
export function useCompareQuery(): [CompareQuery, (next: CompareQuery) => void] {
  const [, navigate] = useLocation();
  const query = readCompareQuery(new URLSearchParams(useSearch()));
  const show = ({ unifiedIds, dates }: CompareQuery) =>
    navigate(comparePath(unifiedIds, dates), { replace: true });
  return [query, show];
}

export function readCompareQuery(address: URLSearchParams): CompareQuery {
  const isDate = (text: string) => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
  return {
    unifiedIds: [...new Set(address.getAll("id"))].slice(0, mostColumns),
    dates: address.getAll("asOf").filter(isDate).slice(0, mostColumns),
  };
}

/** The columns of a comparison: each customer, or one customer on each date; too few if something is missing. */
export function columnsOf({ unifiedIds, dates }: CompareQuery): { unifiedId: string; asOf: string | null }[] {
  const [first, ...others] = unifiedIds;
  if (first === undefined) return [];
  if (others.length > 0) return unifiedIds.map((unifiedId) => ({ unifiedId, asOf: dates[0] ?? null }));
  return dates.map((asOf) => ({ unifiedId: first, asOf }));
}
