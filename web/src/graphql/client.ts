import { Client, cacheExchange, fetchExchange, mapExchange } from "urql";
import { askForKey, authorization } from "../session/key";
import { connectionFound, connectionLost } from "./connection";
import { liveExchange } from "./subscriptions";

/** A client for one session: another key gets another client, and so an empty cache. */
export function createApiClient(): Client {
  return new Client({
    url: "/graphql",
    exchanges: [
      cacheExchange,
      mapExchange({
        onResult: ({ operation, error }) => {
          if (operation.kind === "subscription") return;
          // An answer, also a refusal, comes from a server; a failed request has none.
          if (error?.networkError && !error.response) connectionLost("requests");
          else connectionFound("requests");
        },
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
