import { useMemo } from "react";
import { useLocation, useSearch } from "wouter";
import { mergePath } from "../views";

const unifiedId = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The customers to merge: their unified IDs, in the address. Anything else in it is left out. */
export function usePicked() {
  const search = useSearch();
  const [, navigate] = useLocation();
  const named = useMemo(() => [...new Set(new URLSearchParams(search).getAll("id"))], [search]);
  const picked = useMemo(() => named.filter((id) => unifiedId.test(id)), [named]);
  return {
    picked,
    pick: (unifiedIds: string[]) => navigate(mergePath(unifiedIds), { replace: true }),
    hasInvalid: picked.length < named.length,
  };
}
