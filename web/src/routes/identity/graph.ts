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
