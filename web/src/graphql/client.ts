import { Client, cacheExchange, fetchExchange, mapExchange } from "urql";
import { askForKey, authorization } from "../session/key";
import { liveExchange } from "./subscriptions";

/** A client for one session: another key gets another client, and so an empty cache. */
export function createApiClient(): Client {
  return new Client({
    url: "/graphql",
    exchanges: [
      cacheExchange,
      mapExchange({
        onError: ({ graphQLErrors }) => {
          if (graphQLErrors.some(({ extensions }) => extensions.code === "UNAUTHENTICATED")) askForKey();
        },
      }),
      fetchExchange,
      liveExchange(),
    ],
    fetchOptions: () => ({ headers: authorization() }),
    // Always POST: addresses end up in logs, and a search may be a phone number.
    preferGetMethod: false,
  });
}
