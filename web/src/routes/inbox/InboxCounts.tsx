import { createContext, type ReactNode, use, useEffect, useEffectEvent, useMemo } from "react";
import { useQuery } from "urql";
import { InboxCountsDocument, type ReviewCaseKind } from "../../graphql/generated/graphql";

const refetchInterval = 15_000;

export type InboxCounts = Record<ReviewCaseKind, number>;
const Counts = createContext<InboxCounts | undefined>(undefined);

/** Keeps the numbers of cases, once for all views: the header and the inbox show the same. */
export function InboxCountsProvider({ children }: { children: ReactNode }) {
  // A decision changes the counts, but its answer does not contain them.
  const context = useMemo(() => ({ additionalTypenames: ["Decision", "Retirement"] }), []);
  const [{ data }, reload] = useQuery({ query: InboxCountsDocument, context });
  // Changes by others and by messages are polled; the open inbox subscribes to them.
  const again = useEffectEvent(() => document.hidden || reload({ requestPolicy: "network-only" }));
  useEffect(() => {
    const timer = setInterval(() => again(), refetchInterval);
    return () => clearInterval(timer);
  }, []);
  const found = data?.reviewCounts;
  const counts = useMemo(
    () =>
      found && {
        CONTESTED: found.contested,
        SHARED: found.shared,
        BLOCKED: found.blocked,
        SETTLED: found.settled,
      },
    [found],
  );
  return <Counts value={counts}>{children}</Counts>;
}

/** The number of cases of each kind; those that need a decision are `CONTESTED`. */
export const useInboxCounts = () => use(Counts);
