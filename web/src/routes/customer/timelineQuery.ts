import { useLocation, useSearch } from "wouter";

export type TimelineQuery = {
  /** The last day whose events are shown; all without one. */
  until: string | undefined;
  /** The names of the events that are shown; all if there are none. */
  events: string[];
};

/**
 * Which part of the timeline the card shows; it is in the address, as `until=2026-06-30&event=df_purchase`.
 * The text of a search is not: it may be personal.
 */
export function useTimelineQuery(): [TimelineQuery, (change: Partial<TimelineQuery>) => void] {
  const [path, navigate] = useLocation();
  const search = useSearch();
  const query = readTimelineQuery(new URLSearchParams(search));
  const show = (change: Partial<TimelineQuery>) => {
    const next = { ...query, ...change };
    const address = new URLSearchParams(search);
    address.delete("until");
    address.delete("event");
    if (next.until) address.set("until", next.until);
    for (const name of next.events) address.append("event", name);
    navigate(address.size ? `${path}?${address}` : path, { replace: true });
  };
  return [query, show];
}

export function readTimelineQuery(address: URLSearchParams): TimelineQuery {
  const until = address.get("until") ?? "";
  return {
    until: /^\d{4}-\d{2}-\d{2}$/.test(until) && !Number.isNaN(Date.parse(until)) ? until : undefined,
    events: [...new Set(address.getAll("event"))],
  };
}
