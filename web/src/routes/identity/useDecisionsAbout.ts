import { useMemo } from "react";
import { useQuery } from "urql";
import { DecisionsDocument } from "../../graphql/generated/graphql";

const first = 200;

/** The newest decisions about a customer's identifiers, also revoked ones: those without a link are drawn in the graph. */
export function useDecisionsAbout(identifiers: { unifiedId: string }[]) {
  // An empty list has no type name, so the cache would miss the first decision.
  const context = useMemo(() => ({ additionalTypenames: ["Decision"] }), []);
  const [{ data }] = useQuery({
    query: DecisionsDocument,
    variables: { first },
    context,
    requestPolicy: "cache-and-network",
  });
  const found = useMemo(() => {
    const own = new Set(identifiers.map(({ unifiedId }) => unifiedId));
    return (data?.decisions.nodes ?? []).filter(({ a, b }) => own.has(a.unifiedId) || own.has(b.unifiedId));
  }, [data, identifiers]);
  return found;
}
