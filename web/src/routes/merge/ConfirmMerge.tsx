import { ReasonForm } from "../../decisions/ReasonForm";
import { useText } from "../../language/language";
import styles from "./Merge.module.css";

/** The reason is kept where the merge is refused: it is the same for the next try. */
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
