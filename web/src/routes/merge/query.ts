import { useMemo } from "react";
import { useLocation, useSearch } from "wouter";
import { mergePath } from "../views";

/** The customers to merge: their unified IDs, in the address. */
export function usePicked(): [string[], (unifiedIds: string[]) => void] {
  const search = useSearch();
  const [, navigate] = useLocation();
  const picked = useMemo(() => [...new Set(new URLSearchParams(search).getAll("id"))], [search]);
  return [picked, (unifiedIds) => navigate(mergePath(unifiedIds), { replace: true })];
}
