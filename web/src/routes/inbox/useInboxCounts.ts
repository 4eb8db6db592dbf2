import { useEffect, useEffectEvent, useMemo } from "react";
import { useQuery } from "urql";
import { InboxCountsDocument, type WithheldReason } from "../../graphql/generated/graphql";

const refetchInterval = 15_000;

/** The number of withheld links by reason, and of those that wait for a decision. */
export function useInboxCounts() {
  // A decision changes the counts, but its answer does not contain them.
  const context = useMemo(() => ({ additionalTypenames: ["Decision"] }), []);
  const [{ data }, reload] = useQuery({
    query: InboxCountsDocument,
    context,
    requestPolicy: "cache-and-network",
  });
  // Changes by others and by messages are polled; the open inbox subscribes to them.
  const again = useEffectEvent(() => document.hidden || reload({ requestPolicy: "network-only" }));
  useEffect(() => {
    const timer = setInterval(() => again(), refetchInterval);
    return () => clearInterval(timer);
  }, []);
  if (!data) return undefined;
  const byReason: Record<WithheldReason, number> = {
    LIMIT: data.limit.totalCount,
    SHARED: data.shared.totalCount,
    BLOCKED: data.blocked.totalCount,
    RETIRED: data.retired.totalCount,
    DIFFERENT: data.different.totalCount,
  };
  return { byReason, open: data.all.totalCount - data.different.totalCount };
}
