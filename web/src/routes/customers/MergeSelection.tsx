import { useState } from "react";
import { useLocation } from "wouter";
import { useText } from "../../language/language";
import { mergePath } from "../views";
import styles from "./Customers.module.css";

export type Selection = {
  unifiedIds: ReadonlySet<string>;
  toggle: (unifiedId: string) => void;
  clear: () => void;
};

/** The customers that are ticked, to be compared and merged. */
export function useSelection(): Selection {
  const [unifiedIds, setUnifiedIds] = useState<ReadonlySet<string>>(new Set());
  const toggle = (unifiedId: string) =>
    setUnifiedIds((before) => {
      const next = new Set(before);
      if (!next.delete(unifiedId)) next.add(unifiedId);
      return next;
    });
  return { unifiedIds, toggle, clear: () => setUnifiedIds(new Set()) };
}

export function MergeSelection({ selection: { unifiedIds, clear } }: { selection: Selection }) {
  const text = useText();
  const [, navigate] = useLocation();
  if (unifiedIds.size === 0) return null;
  return (
    <div className={styles.chosen} role="status">
      <span>{text.merge.chosen(unifiedIds.size)}</span>
      <button
        type="button"
        className="button primary"
        disabled={unifiedIds.size < 2}
        onClick={() => navigate(mergePath([...unifiedIds]))}
      >
        {text.merge.compare}
      </button>
      <button type="button" className="button" onClick={clear}>
        {text.merge.clear}
      </button>
    </div>
  );
}
