import { linkKey } from "../../decisions/linkKey";
import type {
  DecisionFactsFragment,
  IdentityQuery,
  LinkEndFragment,
  LinkFactsFragment,
  WithheldFactsFragment,
} from "../../graphql/generated/graphql";

export type IdentityProfile = NonNullable<IdentityQuery["profile"]>;
export type Member = IdentityProfile["graph"]["identifiers"][number];

/** An edge of the graph, and what it represents. */
export type Edge = { key: string; a: LinkEndFragment; b: LinkEndFragment } & (
  | { as: "link"; link: LinkFactsFragment; leaving: LinkEndFragment[] | undefined }
  | { as: "withheld"; withheld: WithheldFactsFragment }
  | { as: "decision"; decision: DecisionFactsFragment }
);

export type IdentityEdges = { edges: Edge[]; ghosts: LinkEndFragment[] };

/** The edges between a customer's identifiers, withheld links, and the ghosts that those lead to. */
export function edgesOf(
  { identifiers, links, withheld, bridges }: IdentityProfile["graph"],
  decisions: DecisionFactsFragment[],
): IdentityEdges {
  const leavingBy = new Map(bridges.map(({ link, leaving }) => [linkKey(link), leaving]));
  const edges: Edge[] = [
    ...links.map((link): Edge => {
      const key = linkKey(link);
      return { key, a: link.a, b: link.b, as: "link", link, leaving: leavingBy.get(key) };
    }),
    ...withheld.map(
      (held): Edge => ({
        key: linkKey(held.link),
        a: held.link.a,
        b: held.link.b,
        as: "withheld",
        withheld: held,
      }),
    ),
  ];
  const seen = new Set(edges.map(({ key }) => key));
  const members = new Set(identifiers.map(({ unifiedId }) => unifiedId));
  for (const decision of decisions) {
    const key = linkKey(decision);
    const inside = members.has(decision.a.unifiedId) && members.has(decision.b.unifiedId);
    if (decision.relation !== "SAME" || decision.revokedAt || seen.has(key) || !inside) continue;
    edges.push({ key, a: decision.a, b: decision.b, as: "decision", decision });
  }
  const ghosts = new Map<string, LinkEndFragment>();
  for (const { a, b } of edges) {
    for (const end of [a, b]) if (!members.has(end.unifiedId)) ghosts.set(end.unifiedId, end);
  }
  return { edges, ghosts: [...ghosts.values()] };
}

/** Kinds of identifiers that purchases are under. */
const accounts = new Set(["external_id", "customer_card"]);

/**
 * Whether it matters that a link is the only connection: it splits off two identifiers or more, or an account. A device that
 * hangs on one link is no news.
 */
export const isNotable = (leaving: LinkEndFragment[]): boolean =>
  leaving.length > 1 || leaving.some(({ kind }) => accounts.has(kind));

/** What occurs in a graph, for its legend. */
export function marksOf({ edges, ghosts }: IdentityEdges, members: LinkEndFragment[]) {
  const isBridge = (edge: Edge) =>
    edge.as === "link" && edge.leaving !== undefined && isNotable(edge.leaving);
  const all = [...members, ...ghosts];
  return {
    kinds: [...new Set(all.map(({ kind }) => kind))],
    link: edges.some((edge) => edge.as === "link" && !isBridge(edge)),
    bridge: edges.some(isBridge),
    decision: edges.some(({ as }) => as === "decision"),
    withheld: edges.some(({ as }) => as === "withheld"),
    shared: all.some(({ shared }) => shared),
  };
}
