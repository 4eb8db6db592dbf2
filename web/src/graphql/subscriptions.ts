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

/** Milliseconds in which changes are batched, so that the page does not flicker. */
const batchDelay = 400;

/** The protocol's code for an unauthenticated connection. */
const unauthorized = 4401;

const address = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`;

/** Subscriptions over one socket, which opens with the first of them and reconnects automatically. */
export function liveExchange() {
  const socket = createClient({
    url: address,
    lazyCloseTimeout: 5000,
    connectionParams: authorization,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    on: {
      // The key was revoked, or none was sent.
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

/** Runs `onChange` when a customer changes, or any customer if no ID is given. */
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

/** Passes on the changed rows of the list in batches. */
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
    return unsubscribe;
  }, [client, add]);
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
