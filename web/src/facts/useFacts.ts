import { useEffect, useMemo, useState } from "react";
import { useQuery } from "urql";
import { ProfileFactsDocument } from "../graphql/generated/graphql";
import { notForRole } from "../rules/RulesError";
import { type Facts, rules } from "../rules/rules";
import { useMay } from "../session/useMay";
import { useViewer } from "../session/useViewer";

export type LoadedFacts = {
  /** The facts in the module. */
  facts: Facts;
  revision: string;
};

/**
 * The facts of some customers: fetched once, then queried in the page. A role that may not read them has the error `notForRole`,
 * and no request is sent.
 */
export function useFacts(unifiedIds: string[]) {
  const may = useMay();
  const denied = useViewer() !== undefined && !may.seeFacts;
  const [{ data, error, fetching }, reload] = useQuery({
    query: ProfileFactsDocument,
    variables: { unifiedIds },
    pause: unifiedIds.length === 0 || !may.seeFacts,
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
      error: denied ? notForRole : error,
      fetching,
      reload: () => {
        if (may.seeFacts) reload({ requestPolicy: "network-only" });
      },
    }),
    [loaded, denied, may.seeFacts, error, fetching, reload, unifiedIds.length],
  );
}
