import { X } from "lucide-react";
import type { ReactNode } from "react";
import { Panel } from "../../components/Panel";
import { useText } from "../../language/language";
import styles from "./Filters.module.css";

type Props = { label: string; value: string; onRemove: () => void; children: ReactNode };

/** A condition that is set: it opens to be changed, and has a button that removes it. */
export function FilterChip({ label, value, onRemove, children }: Props) {
  const text = useText();
  return (
    <span className={styles.chip}>
      <Panel label={label} value={value}>
        {children}
      </Panel>
      <button
        type="button"
        className={styles.remove}
        aria-label={text.list.removeFilter(label)}
        title={text.list.removeFilter(label)}
        onClick={onRemove}
      >
        <X size={14} aria-hidden />
      </button>
    </span>
  );
}
