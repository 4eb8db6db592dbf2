import { useSyncExternalStore } from "react";

/** The ways in which data arrives: answers to requests, and live updates over a socket. */
type Channel = "requests" | "socket";

/** Whether the page is connected; `since` is the time of the data that it shows. */
export type Connection = { lost: false } | { lost: true; since: Date };

const connected: Connection = { lost: false };
let connection: Connection = connected;
const broken = new Set<Channel>();
const listeners = new Set<() => void>();

/** A request found no server, or the socket closed. The first of them ends the time up to which the data is known. */
export function connectionLost(channel: Channel) {
  broken.add(channel);
  if (!connection.lost) set({ lost: true, since: new Date() });
}

/** A channel works. What it missed has to be read again, which is the subscriber's part. */
export function connectionFound(channel: Channel) {
  if (broken.delete(channel) && broken.size === 0) set(connected);
}

export const useConnection = (): Connection => useSyncExternalStore(listen, () => connection);

/** Runs `onBack` each time the connection is back. */
export function onConnectionBack(onBack: () => void): () => void {
  let lost = connection.lost;
  return listen(() => {
    if (lost && !connection.lost) onBack();
    lost = connection.lost;
  });
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function set(next: Connection) {
  connection = next;
  for (const listener of listeners) listener();
}

// The browser knows first that its network is gone; that it is back is known when a request or the socket succeeds.
addEventListener("offline", () => connectionLost("requests"));
