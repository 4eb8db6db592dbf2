import { createClient } from "graphql-ws";
import { useEffect, useEffectEvent, useState } from "react";
import { subscriptionExchange, useClient } from "urql";
import { askForKey, authorization } from "../session/key";
import {
  type CustomerRowFragment,
  LineageAddedDocument,
  ProfileChangedDocument,
  RowChangedDocument,
} from "./generated/graphql";

/** How long changes are gathered before they are shown: many at once are one change to a reader. */
const batchDelay = 400;

/** The protocol's code for a connection that is not let in. */
const unauthorized = 4401;

const address = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`;

/** Subscriptions, over one socket that opens with the first of them and comes back by itself. */
export function liveExchange() {
  const socket = createClient({
    url: address,
    lazyCloseTimeout: 5000,
    connectionParams: authorization,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    on: {
      // The key was revoked, or there is none.
      closed: (event) => {
        if ((event as CloseEvent).code === unauthorized) askForKey();
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

/** Runs `onChange` when a customer changes, or any one where no ID is given. */
export function useProfileChanges(unifiedId: string | null, onChange: () => void) {
  const client = useClient();
  const add = useBatched<string>(() => onChange());
  useEffect(() => {
    const { unsubscribe } = client
      .subscription(ProfileChangedDocument, { unifiedId })
      .subscribe(({ data }) => data && add(data.profileChanged.unifiedId));
    return unsubscribe;
  }, [client, unifiedId, add]);
}

/** Hands over the rows of the list that changed, some at a time. */
export function useRowChanges(onChange: (rows: CustomerRowFragment[]) => void) {
  const client = useClient();
  const add = useBatched<CustomerRowFragment>(onChange);
  useEffect(() => {
    const { unsubscribe } = client
      .subscription(RowChangedDocument, {})
      .subscribe(({ data }) => data && add(data.profileChanged));
    return unsubscribe;
  }, [client, add]);
}

/** Runs `onChange` when a customer is merged or parted. */
export function useLineageAdded(unifiedId: string, onChange: () => void) {
  const client = useClient();
  const add = useBatched<string[]>((all) => {
    if (all.some((ids) => ids.includes(unifiedId))) onChange();
  });
  useEffect(() => {
    const { unsubscribe } = client
      .subscription(LineageAddedDocument, {})
      .subscribe(({ data }) => data && add([data.lineageAdded.kept, ...data.lineageAdded.others]));
    return unsubscribe;
  }, [client, add]);
}

/** Gathers what comes, and hands it over together; while nobody looks at the page, it waits. */
function useBatched<T>(onBatch: (all: T[]) => void): (one: T) => void {
  const hand = useEffectEvent(onBatch);
  const [batcher] = useState(() => new Batcher<T>());
  useEffect(() => batcher.start((all) => hand(all)), [batcher]);
  return batcher.add;
}

class Batcher<T> {
  private all: T[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private hand: ((all: T[]) => void) | undefined;

  readonly add = (one: T) => {
    this.all.push(one);
    this.timer ??= setTimeout(this.flush, batchDelay);
  };

  start(hand: (all: T[]) => void): () => void {
    this.hand = hand;
    document.addEventListener("visibilitychange", this.flush);
    return () => {
      this.hand = undefined;
      clearTimeout(this.timer);
      this.timer = undefined;
      document.removeEventListener("visibilitychange", this.flush);
    };
  }

  private readonly flush = () => {
    this.timer = undefined;
    if (document.hidden || this.all.length === 0) return;
    const all = this.all;
    this.all = [];
    this.hand?.(all);
  };
}
