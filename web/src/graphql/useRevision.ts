import { useEffect, useEffectEvent, useRef } from "react";

/** Runs `onChange` when the revision changes. */
export function useRevision(revision: string, onChange: () => void) {
  const shown = useRef(revision);
  const change = useEffectEvent(onChange);
  useEffect(() => {
    if (shown.current === revision) return;
    shown.current = revision;
    change();
  }, [revision]);
}
