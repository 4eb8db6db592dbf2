import { Client, cacheExchange, fetchExchange, mapExchange } from "urql";
import { askForKey, authorization } from "../session/key";
import { connectionFound, connectionLost } from "./connection";
import { liveExchange } from "./subscriptions";

/** A client for one session: another key gets another client, and so an empty cache. */
export function createApiClient(): Client {
  // The last commit that this session has written. Another server may answer next, and has to show it.
  let written = 0;
  return new Client({
    url: "/graphql",
    exchanges: [
      cacheExchange,
      mapExchange({
        onResult: ({ operation, error, extensions }) => {
          if (operation.kind === "subscription") return;
          const commit: unknown = extensions?.commit;
          if (operation.kind === "mutation" && typeof commit === "number")
            written = Math.max(written, commit);
          // An answer, also a refusal, comes from a server; a failed request has none.
          if (error?.networkError && !error.response) connectionLost("requests");
          else connectionFound("requests");
        },
        onError: ({ graphQLErrors }) => {
          if (graphQLErrors.some(({ extensions }) => extensions.code === "UNAUTHENTICATED")) askForKey();
          // The database may be another one: do not insist.
          if (graphQLErrors.some(({ extensions }) => extensions.code === "BEHIND")) written = 0;
        },
      }),
      fetchExchange,
      liveExchange(),
    ],
    fetchOptions: () => ({
      headers: written === 0 ? authorization() : { ...authorization(), "Profile360-After": `${written}` },
    }),
    // Always POST: addresses end up in logs, and a search may be a phone number.
    preferGetMethod: false,
  });
}
