import { useSyncExternalStore } from "react";

/** A publication that this tab started: its version, and the one that was active before. */
export type WatchedPublication = { version: number; previous: number };

/** Signing out removes it, as everything of this tab whose name begins so. */
const place = "profile360.publication";
const listeners = new Set<() => void>();
let watched = read();

/** The header shows a publication until it is dismissed, in every view and after a reload. */
export function watchPublication(next: WatchedPublication | undefined) {
  watched = next;
  try {
    if (next) sessionStorage.setItem(place, JSON.stringify(next));
    else sessionStorage.removeItem(place);
  } catch {
    // Storage is off: it lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

export const useWatchedPublication = () => useSyncExternalStore(listen, () => watched);

function listen(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function read(): WatchedPublication | undefined {
  try {
    const { version, previous } = JSON.parse(sessionStorage.getItem(place) ?? "{}");
    return Number.isInteger(version) && Number.isInteger(previous) ? { version, previous } : undefined;
  } catch {
    return undefined;
  }
}
