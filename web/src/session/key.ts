import { useSyncExternalStore } from "react";
import { forgetCustomers } from "../search/recentCustomers";

/** The session of this tab: its key, which lasts as long as the tab, and whether the server requires one. */
export type Session = { key: string | null; asked: boolean };

const place = "profile360.key";
let session: Session = { key: stored(), asked: false };
const listeners = new Set<() => void>();

/** The key as a header. It is never in an address. */
export const authorization = (): Record<string, string> =>
  session.key ? { authorization: `Bearer ${session.key}` } : {};

export function signIn(key: string) {
  keep(key);
  change({ key, asked: false });
}

export function signOut() {
  keep(null);
  forgetDrafts();
  forgetQueries();
  forgetCustomers();
  change({ key: null, asked: true });
}

/** Removes what this tab keeps of the one who signs out: drafts, and what they wait for. */
function forgetDrafts() {
  try {
    for (const name of Object.keys(sessionStorage)) {
      if (name.startsWith("profile360.")) sessionStorage.removeItem(name);
    }
  } catch {
    // Storage is off: nothing was stored.
  }
}

/** Removes queries and variables that an older GraphiQL left in this browser. */
export function forgetQueries() {
  try {
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith("graphiql:")) localStorage.removeItem(name);
    }
  } catch {
    // Storage is off: nothing was stored.
  }
}

/** The server requires a key, or does not accept this one any more. */
export function askForKey() {
  if (!session.asked) signOut();
}

export function useSession(): Session {
  return useSyncExternalStore(listen, () => session);
}

function listen(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function change(next: Session) {
  session = next;
  for (const listener of listeners) listener();
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(place);
  } catch {
    return null;
  }
}

function keep(key: string | null) {
  try {
    if (key === null) sessionStorage.removeItem(place);
    else sessionStorage.setItem(place, key);
  } catch {
    // Storage is off: the key lasts as long as the page.
  }
}
