import { useLocation, useSearch } from "wouter";
import type { WithheldReason } from "../../graphql/generated/graphql";

/** The reasons of links that wait for a decision; `DIFFERENT` is a decision. */
export const reasons: WithheldReason[] = ["LIMIT", "SHARED", "BLOCKED", "RETIRED", "DIFFERENT"];

export type InboxQuery = {
  reason: WithheldReason | undefined;
  /** The selected link, as `linkKey` names it. */
  link: string | undefined;
};

export function useInboxQuery(): [
  InboxQuery,
  (change: Partial<InboxQuery>, options?: { replace?: boolean }) => void,
] {
  const [path, navigate] = useLocation();
  const parameters = new URLSearchParams(useSearch());
  const query: InboxQuery = {
    reason: reasons.find((reason) => reason === parameters.get("reason")),
    link: parameters.get("link") ?? undefined,
  };
  const show = (change: Partial<InboxQuery>, options: { replace?: boolean } = {}) => {
    const next = { ...query, ...change };
    const address = new URLSearchParams();
    if (next.reason) address.set("reason", next.reason);
    if (next.link) address.set("link", next.link);
    navigate(address.size ? `${path}?${address}` : path, options);
  };
  return [query, show];
}
