import { useEffect, useMemo, useState } from "react";
import { useQuery } from "urql";
import { ProfileFactsDocument } from "../graphql/generated/graphql";
import { type Facts, rules } from "../rules/rules";

export type LoadedFacts = {
  /** The facts in the module. */
  facts: Facts;
  revision: string;
};

/** The facts of some customers: fetched once, then queried in the page. */
export function useFacts(unifiedIds: string[]) {
  const [{ data, error, fetching }, reload] = useQuery({
    query: ProfileFactsDocument,
    variables: { unifiedIds },
    pause: unifiedIds.length === 0,
    requestPolicy: "network-only",
  });
  const [loaded, setLoaded] = useState<LoadedFacts>();
  const read = data?.profileFacts;
  useEffect(() => {
    if (!read) return;
    const facts = rules.readFacts(read.facts);
    setLoaded({ facts, revision: read.revision });
    return () => {
      facts.free();
      setLoaded(undefined);
    };
  }, [read]);
  return useMemo(
    () => ({
      loaded: unifiedIds.length > 0 ? loaded : undefined,
      error,
      fetching,
      reload: () => reload({ requestPolicy: "network-only" }),
    }),
    [loaded, error, fetching, reload, unifiedIds.length],
  );
}
