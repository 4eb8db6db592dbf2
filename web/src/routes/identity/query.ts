import { useLocation, useSearch } from "wouter";

/** The selection in the address: a link by the IDs of its ends, or an identifier by its own ID. */
export function useSelection(): [string | undefined, (key: string | undefined) => void] {
  const [path, navigate] = useLocation();
  const chosen = new URLSearchParams(useSearch()).get("at") ?? undefined;
  const choose = (key: string | undefined) =>
    navigate(key ? `${path}?${new URLSearchParams({ at: key })}` : path, { replace: true });
  return [chosen, choose];
}
