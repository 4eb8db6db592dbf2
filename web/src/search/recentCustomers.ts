import { useSyncExternalStore } from "react";

/** A customer whose card was open: IDs alone, which reveal nothing. */
export type RecentCustomer = { id: string; unifiedId: string };

const place = "profile360.recent";
const most = 8;
let recent = stored();
const listeners = new Set<() => void>();

/** Puts a customer first among the recent ones of this tab. */
export function rememberCustomer({ id, unifiedId }: RecentCustomer) {
  if (recent[0]?.unifiedId === unifiedId) return;
  const others = recent.filter((other) => other.unifiedId !== unifiedId);
  change([{ id, unifiedId }, ...others].slice(0, most));
}

/** Who signs out leaves nothing for the next one at this screen. */
export const forgetCustomers = () => change([]);

/** The customers whose cards were open in this tab, the last one first. */
export const useRecentCustomers = (): RecentCustomer[] => useSyncExternalStore(listen, () => recent);

function change(next: RecentCustomer[]) {
  recent = next;
  try {
    if (next.length === 0) sessionStorage.removeItem(place);
    else sessionStorage.setItem(place, JSON.stringify(next));
  } catch {
    // Storage is off or full: they last as long as the page.
  }
  for (const listener of listeners) listener();
}

function listen(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function stored(): RecentCustomer[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(place) ?? "[]");
    return Array.isArray(found) ? found.filter(isRecent).slice(0, most) : [];
  } catch {
    return [];
  }
}

const isRecent = (value: unknown): value is RecentCustomer =>
  typeof value === "object" &&
  value !== null &&
  "id" in value &&
  "unifiedId" in value &&
  typeof value.id === "string" &&
  typeof value.unifiedId === "string";
