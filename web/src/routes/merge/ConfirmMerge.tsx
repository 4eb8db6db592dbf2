import { type SubmitEvent, useState } from "react";
import { useText } from "../../language/language";
import { ReasonField } from "../../links/ReasonField";
import styles from "./Merge.module.css";

export function ConfirmMerge({ onConfirm }: { onConfirm: (reason: string) => Promise<void> }) {
  const text = useText();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const confirm = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    await onConfirm(reason.trim());
    setBusy(false);
  };
  return (
    <form className={styles.confirm} onSubmit={confirm}>
      <ReasonField value={reason} onChange={setReason} often={text.decisions.sameOften} />
      <button type="submit" className="button primary" disabled={busy || reason.trim() === ""}>
        {text.merge.confirm}
      </button>
    </form>
  );
}
