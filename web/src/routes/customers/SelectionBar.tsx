import { useLocation } from "wouter";
import { useToast } from "../../components/Toasts";
import { useText } from "../../language/language";
import { useMay } from "../../session/useMay";
import { mostColumns } from "../compare/query";
import { comparePath, mergePath } from "../views";
import styles from "./Customers.module.css";
import type { Selection } from "./selection";

type Props = { selection: Selection; onExport: () => void };

/** What can be done with the chosen customers. */
export function SelectionBar({ selection: { ids, clear }, onExport }: Props) {
  const text = useText();
  const toast = useToast();
  const may = useMay();
  const [, navigate] = useLocation();
  if (ids.size === 0) return null;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText([...ids].join("\n"));
      toast({ message: text.list.idsCopied(ids.size), kind: "done" });
    } catch {
      toast({ message: text.copyFailed, kind: "failed" });
    }
  };
  return (
    <section className={styles.chosen} aria-label={text.list.selection}>
      <span role="status">{text.merge.chosen(ids.size)}</span>
      {may.decide && (
        <button
          type="button"
          className="button primary"
          disabled={ids.size < 2}
          onClick={() => navigate(mergePath([...ids]))}
        >
          {text.list.merge}
        </button>
      )}
      <button
        type="button"
        className="button"
        disabled={ids.size < 2 || ids.size > mostColumns}
        title={text.compare.pickTwo}
        onClick={() => navigate(comparePath([...ids]))}
      >
        {text.compare.title}
      </button>
      <button type="button" className="button" onClick={onExport}>
        {text.list.exportAction}
      </button>
      <button type="button" className="button" onClick={copy}>
        {text.list.copyIds}
      </button>
      <button type="button" className="button" onClick={clear}>
        {text.list.clearSelection}
      </button>
    </section>
  );
}
