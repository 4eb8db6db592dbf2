import { useState } from "react";
import { useAnswer } from "../../facts/useAnswer";
import { useFacts } from "../../facts/useFacts";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { PolicyDocument } from "../../rules/preview";
import { RulesError } from "../../rules/RulesError";
import { Picker } from "../merge/Picker";
import { ChangeList } from "./ChangeList";
import styles from "./Policy.module.css";
import { ofPreview } from "./regrouping";

type Props = { draft: PolicyDocument; isFaulty: boolean };

/** Previews the draft on one customer and its neighbors; the module computes it at every change. */
export function PreviewOnCustomer({ draft, isFaulty }: Props) {
  const text = useText();
  const format = useFormat();
  const [picked, setPicked] = useState<string[]>([]);
  const { loaded, error: unread } = useFacts(picked);
  const { answer, error } = useAnswer(
    picked.length && !isFaulty ? loaded : undefined,
    "policyPreview",
    isFaulty ? undefined : { document: draft, figures: { asOf: format.today() } },
  );
  const needsMessages =
    error instanceof RulesError && (error.code === "NEEDS_MESSAGES" || error.code === "INCOMPLETE_FACTS");
  return (
    <section className={styles.try}>
      <h3>{text.policy.tryCustomer}</h3>
      <Picker picked={picked} onPick={(ids) => setPicked(ids.slice(-1))} />
      {(unread || error) && (
        <p className="amber">{needsMessages ? text.policy.needsMessages : text.policy.previewFailed}</p>
      )}
      {picked.length > 0 && answer && !error && (
        <div className={styles.outcome} data-tried aria-live="polite">
          {answer.changes.length === 0 && <p className="soft">{text.policy.noChange}</p>}
          <ChangeList changes={answer.changes.map((change) => ofPreview(answer, change))} document={draft} />
        </div>
      )}
    </section>
  );
}
