import { type SubmitEvent, useState } from "react";
import type { DecisionFactsFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { ReasonField } from "../../links/ReasonField";
import { useDecisions } from "../../links/useDecisions";
import styles from "./Inbox.module.css";

/** What was decided, by whom and why; it can be taken back with a reason. */
export function Standing({
  decision,
  onSettled,
}: {
  decision: DecisionFactsFragment;
  onSettled: () => void;
}) {
  const text = useText();
  const format = useFormat();
  const { revoke } = useDecisions();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const confirm = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    const gone = await revoke(decision.id, reason.trim());
    setBusy(false);
    if (gone) onSettled();
  };
  return (
    <form className={styles.decide} onSubmit={confirm}>
      <p>
        {text.decisions.stands(
          decision.relation,
          decision.reason,
          decision.actor,
          format.relative(decision.at),
        )}
      </p>
      <ReasonField value={reason} onChange={setReason} />
      <button type="submit" className="button" disabled={busy || reason.trim() === ""}>
        {text.decisions.revoke}
      </button>
    </form>
  );
}
