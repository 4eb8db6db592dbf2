import { useSyncExternalStore } from "react";
import { useSession } from "../../session/key";

/**
 * The chosen customers, by unified ID in the order in which they were chosen. They outlive the view: opening a customer, going back
 * or another filter keeps them. Another key starts without any.
 */
type Chosen = { session: string | null; ids: ReadonlySet<string> };

const none: ReadonlySet<string> = new Set();
let chosen: Chosen = { session: null, ids: none };
const listeners = new Set<() => void>();

function listen(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export type Selection = {
  ids: ReadonlySet<string>;
  /** Chooses some customers, or does not choose them any more. */
  set: (ids: string[], isChosen: boolean) => void;
  clear: () => void;
};

export function useSelection(): Selection {
  const { key } = useSession();
  const { session, ids } = useSyncExternalStore(listen, () => chosen);
  const own = session === key ? ids : none;
  const change = (next: ReadonlySet<string>) => {
    chosen = { session: key, ids: next };
    for (const listener of listeners) listener();
  };
  return {
    ids: own,
    set: (changed, isChosen) => {
      const next = new Set(own);
      for (const id of changed) {
        if (isChosen) next.add(id);
        else next.delete(id);
      }
      change(next);
    },
    clear: () => change(none),
  };
}
