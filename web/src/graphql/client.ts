import { Client, cacheExchange, fetchExchange, mapExchange } from "urql";
import { askForKey, authorization } from "../session/key";
import { liveExchange } from "./subscriptions";

/** A client for one session: with another key nothing of what this one has read is shown. */
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
    // POST always: an identifier that someone searches for must not stand in an address.
    preferGetMethod: false,
  });
}
