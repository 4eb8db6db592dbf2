import { Fragment, type ReactNode, useMemo } from "react";
import { Provider } from "urql";
import { createApiClient } from "../graphql/client";
import { KeyDialog } from "./KeyDialog";
import { useSession } from "./key";

/** Shows its children to an authenticated user, and asks for a key where the server requires one. */
export function SessionGate({ children }: { children: ReactNode }) {
  const { key, asked } = useSession();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another key is another session.
  const client = useMemo(createApiClient, [key]);
  if (asked) return <KeyDialog />;
  return (
    <Provider value={client}>
      <Fragment key={key}>{children}</Fragment>
    </Provider>
  );
}
