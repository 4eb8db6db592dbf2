import { createClient } from "graphql-ws";
import { useEffect, useEffectEvent, useState } from "react";
import { subscriptionExchange, useClient } from "urql";
import { askForKey, authorization } from "../session/key";
import { connectionFound, connectionLost, onConnectionBack } from "./connection";
import {
  type CustomerRowFragment,
  LineageAddedDocument,
  ProfileChangedDocument,
  RowChangedDocument,
  type RowChangedSubscriptionVariables,
} from "./generated/graphql";

/** Milliseconds in which changes are batched, so that the page does not flicker. */
const batchDelay = 400;

/** The protocol's code for an unauthenticated connection. */
const unauthorized = 4401;

const address = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`;

/** The protocol's code for a connection that is closed on purpose. */
const closedNormally = 1000;

/** Milliseconds between pings, and those in which the answer must arrive: a network that is cut closes no socket. */
const pingInterval = 10_000;
const pongTimeout = 5_000;

/** The longest wait between two attempts to reconnect, in milliseconds. */
const longestWait = 8_000;

/** Subscriptions over one socket, which opens with the first of them and reconnects automatically. */
export function liveExchange() {
  let pongTimer: ReturnType<typeof setTimeout> | undefined;
  const socket = createClient({
    url: address,
    lazyCloseTimeout: 5000,
    connectionParams: authorization,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: async (retries) => {
      const wait = Math.min(longestWait, 500 * 2 ** retries) * (0.75 + Math.random() / 2);
      await new Promise((resolve) => setTimeout(resolve, wait));
    },
    keepAlive: pingInterval,
    on: {
      connected: () => {
        connectionFound("socket");
        connectionFound("requests");
      },
      ping: (received) => {
        if (received) return;
        clearTimeout(pongTimer);
        pongTimer = setTimeout(() => {
          connectionLost("socket");
          socket.terminate();
        }, pongTimeout);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimer);
      },
      closed: (event) => {
        clearTimeout(pongTimer);
        const { code } = event as CloseEvent;
        // The key was revoked, or none was sent.
        if (code === unauthorized) askForKey();
        else if (code !== closedNormally) connectionLost("socket");
      },
    },
  });
  return subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({
        unsubscribe: socket.subscribe(
          { query: query ?? "", variables: variables as Record<string, unknown> },
          {
            next: ({ data, errors }) =>
              sink.next({ data: data ?? null, ...(errors && { errors: [...errors] }) }),
            error: (error) => sink.error(error),
            complete: () => sink.complete(),
          },
        ),
      }),
    }),
  });
}

/** Runs `onChange` when a customer changes, or any customer if no ID is given. */
export function useProfileChanges(unifiedId: string | null, onChange: () => void) {
  const client = useClient();
  const add = useBatched<string>(() => onChange());
  useEffect(() => {
    const { unsubscribe } = client
      .subscription(ProfileChangedDocument, { unifiedId })
      .subscribe(({ data }) => data && add(data.profileChanged.unifiedId));
    // What changed while the connection was lost is unknown.
    const forget = onConnectionBack(() => add(unifiedId ?? ""));
    return () => {
      unsubscribe();
      forget();
    };
  }, [client, unifiedId, add]);
}

/** Passes on the changed rows of the list in batches, with what the columns show of them. */
export function useRowChanges(
  asks: RowChangedSubscriptionVariables,
  onChange: (rows: CustomerRowFragment[]) => void,
) {
  const client = useClient();
  const add = useBatched<CustomerRowFragment>(onChange);
  useEffect(() => {
    const { unsubscribe } = client
      .subscription(RowChangedDocument, asks)
      .subscribe(({ data }) => data && add(data.profileChanged));
    return unsubscribe;
  }, [client, add, asks]);
}

/** Runs `onChange` when a customer is merged or split. */
export function useLineageAdded(unifiedId: string, onChange: () => void) {
  const client = useClient();
  const add = useBatched<string[]>((all) => {
    if (all.some((ids) => ids.includes(unifiedId))) onChange();
  });
  useEffect(() => {
    const { unsubscribe } = client
      .subscription(LineageAddedDocument, {})
      .subscribe(({ data }) => data && add([data.lineageAdded.kept, ...data.lineageAdded.others]));
    const forget = onConnectionBack(() => add([unifiedId]));
    return () => {
      unsubscribe();
      forget();
    };
  }, [client, unifiedId, add]);
}

/** Passes on values in batches; while the page is hidden, it only collects them. */
function useBatched<T>(onBatch: (all: T[]) => void): (value: T) => void {
  const passOn = useEffectEvent(onBatch);
  const [batcher] = useState(() => new Batcher<T>());
  useEffect(() => batcher.start((all) => passOn(all)), [batcher]);
  return batcher.add;
}

class Batcher<T> {
  private values: T[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private passOn: ((all: T[]) => void) | undefined;

  readonly add = (value: T) => {
    this.values.push(value);
    this.timer ??= setTimeout(this.flush, batchDelay);
  };

  start(passOn: (all: T[]) => void): () => void {
    this.passOn = passOn;
    document.addEventListener("visibilitychange", this.flush);
    return () => {
      this.passOn = undefined;
      clearTimeout(this.timer);
      this.timer = undefined;
      document.removeEventListener("visibilitychange", this.flush);
    };
  }

  private readonly flush = () => {
    this.timer = undefined;
    if (document.hidden || this.values.length === 0) return;
    const values = this.values;
    this.values = [];
    this.passOn?.(values);
  };
}
