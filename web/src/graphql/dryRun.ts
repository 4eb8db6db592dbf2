import { Client, fetchExchange } from "urql";
import { authorization } from "../session/key";

/**
 * A client for dry runs. They are mutations that change nothing, so they must not empty the cache of the page's client: every
 * view would ask again.
 */
export const dryRunClient = new Client({
  url: "/graphql",
  exchanges: [fetchExchange],
  fetchOptions: () => ({ headers: authorization() }),
  preferGetMethod: false,
});
