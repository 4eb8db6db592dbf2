import { useMemo } from "react";
import { useLocation, useSearch } from "wouter";
import type { ActivityFilter } from "./Filters";

const day = /^\d{4}-\d{2}-\d{2}$/;
const names = ["kind", "actor", "from", "to", "customer"] as const;

/** Reads the filter of an address; a date that is none is left out. */
export function readFilter(search: string): ActivityFilter {
  const given = new URLSearchParams(search);
  const text = (name: string) => given.get(name)?.trim() ?? "";
  const date = (name: string) =>
    day.test(text(name)) && !Number.isNaN(Date.parse(text(name))) ? text(name) : "";
  return {
    view: given.get("view") === "reads" ? "reads" : "actions",
    kind: text("kind"),
    actor: text("actor"),
    from: date("from"),
    to: date("to"),
    customer: text("customer"),
  };
}

/** The address of a filter. */
export function activityPath(filter: Partial<ActivityFilter>): string {
  const given = new URLSearchParams();
  if (filter.view === "reads") given.set("view", "reads");
  for (const name of names) {
    const value = filter[name];
    if (value) given.set(name, value);
  }
  return given.size > 0 ? `/activity?${given}` : "/activity";
}

/** The filter of the activity, which is in the address. */
export function useActivityFilter(): [ActivityFilter, (filter: ActivityFilter) => void] {
  const search = useSearch();
  const [, navigate] = useLocation();
  const filter = useMemo(() => readFilter(search), [search]);
  return [filter, (next) => navigate(activityPath(next), { replace: true })];
}
