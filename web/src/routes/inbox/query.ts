import { useLocation, useSearch } from "wouter";
import type { ReviewCaseKind, ReviewCaseOrder } from "../../graphql/generated/graphql";

/** `CONTESTED` first: those need a decision. */
export const kinds: ReviewCaseKind[] = ["CONTESTED", "SHARED", "BLOCKED", "SETTLED"];
export const orders: ReviewCaseOrder[] = ["SCORE", "NEWEST", "EVIDENCE"];

/** Kinds by the reasons of links, which earlier addresses name. */
const kindOfReason: Record<string, ReviewCaseKind> = {
  LIMIT: "CONTESTED",
  SHARED: "SHARED",
  BLOCKED: "BLOCKED",
  RETIRED: "SETTLED",
  DIFFERENT: "SETTLED",
};

export type InboxQuery = {
  kind: ReviewCaseKind;
  order: ReviewCaseOrder;
  /** The ID of the selected case. */
  id: string | undefined;
  /** The selected case by one of its links, as `linkKey` names it: other views link so. */
  link: string | undefined;
};

export function useInboxQuery(): [
  InboxQuery,
  (change: Partial<InboxQuery>, options?: { replace?: boolean }) => void,
] {
  const [path, navigate] = useLocation();
  const query = parseQuery(useSearch());
  const show = (change: Partial<InboxQuery>, options: { replace?: boolean } = {}) => {
    const address = writeQuery({ ...query, link: undefined, ...change });
    navigate(address ? `${path}?${address}` : path, options);
  };
  return [query, show];
}

export function parseQuery(search: string): InboxQuery {
  const parameters = new URLSearchParams(search);
  const kind = kinds.find((kind) => kind === parameters.get("kind"));
  return {
    kind: kind ?? kindOfReason[parameters.get("reason") ?? ""] ?? "CONTESTED",
    order: orders.find((order) => order === parameters.get("order")) ?? "SCORE",
    id: parameters.get("case") ?? undefined,
    link: parameters.get("link") ?? undefined,
  };
}

export function writeQuery({ kind, order, id, link }: InboxQuery): string {
  const parameters = new URLSearchParams();
  if (kind !== "CONTESTED") parameters.set("kind", kind);
  if (order !== "SCORE") parameters.set("order", order);
  if (id) parameters.set("case", id);
  if (link) parameters.set("link", link);
  return `${parameters}`;
}
