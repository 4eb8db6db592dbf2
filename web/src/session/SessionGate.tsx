import { Fragment, type ReactNode, useMemo } from "react";
import { Provider } from "urql";
import { createApiClient } from "../graphql/client";
import { KeyDialog } from "./KeyDialog";
import { useSession } from "./key";

/** What it holds is shown to whoever is let in; where the server asks for a key, this asks for it. */
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
