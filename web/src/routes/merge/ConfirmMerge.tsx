import { ReasonForm } from "../../decisions/ReasonForm";
import { useText } from "../../language/language";
import styles from "./Merge.module.css";

/** Keeps the reason if the merge is rejected, for the next attempt. */
export function ConfirmMerge({ onConfirm }: { onConfirm: (reason: string) => Promise<boolean> }) {
  const text = useText();
  return (
    <ReasonForm
      className={styles.confirm}
      confirm={text.merge.confirm}
      often={text.decisions.sameOften}
      onConfirm={onConfirm}
    />
  );
}
