import { useMemo } from "react";
import { useQuery } from "urql";
import { InboxCountsDocument, type WithheldReason } from "../../graphql/generated/graphql";

/** How many links are withheld for each reason, and how many of them wait for a decision. */
export function useInboxCounts() {
  // A decision settles links, whatever its answer names.
  const context = useMemo(() => ({ additionalTypenames: ["Decision"] }), []);
  const [{ data }] = useQuery({ query: InboxCountsDocument, context, requestPolicy: "cache-and-network" });
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
