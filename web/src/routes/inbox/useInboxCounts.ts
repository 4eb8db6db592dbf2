import { useEffect, useEffectEvent, useMemo } from "react";
import { useQuery } from "urql";
import { InboxCountsDocument, type WithheldReason } from "../../graphql/generated/graphql";

const refetchInterval = 15_000;

/** How many links are withheld for each reason, and how many of them wait for a decision. */
export function useInboxCounts() {
  // A decision settles links, whatever its answer names.
  const context = useMemo(() => ({ additionalTypenames: ["Decision"] }), []);
  const [{ data }, reload] = useQuery({
    query: InboxCountsDocument,
    context,
    requestPolicy: "cache-and-network",
  });
  // What others decide and what messages bring is counted now and then; the inbox itself is told at once.
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
