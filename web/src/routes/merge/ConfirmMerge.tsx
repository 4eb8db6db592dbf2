import { useState } from "react";
import { Dialog } from "../../components/Dialog";
import { Name } from "../../components/Name";
import { ReasonForm } from "../../decisions/ReasonForm";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { ProfileView } from "../../rules/preview";
import styles from "./Merge.module.css";

type Props = {
  customers: ProfileView[];
  /** Whether the customers look like different people: then it asks once more. */
  contradictory: boolean;
  onConfirm: (reason: string) => Promise<boolean>;
};
type Question = { reason: string; answer: (merged: boolean) => void };

/** Keeps the reason if the merge is rejected, for the next attempt. */
export function ConfirmMerge({ customers, contradictory, onConfirm }: Props) {
  const text = useText();
  const [question, setQuestion] = useState<Question>();
  const confirm = (reason: string) =>
    contradictory ? new Promise<boolean>((answer) => setQuestion({ reason, answer })) : onConfirm(reason);
  const answer = async (anyway: boolean) => {
    const asked = question;
    setQuestion(undefined);
    asked?.answer(anyway && (await onConfirm(asked.reason)));
  };
  return (
    <>
      <ReasonForm
        className={`${styles.confirm} ${contradictory ? styles.danger : ""}`}
        confirm={text.merge.confirm}
        often={text.decisions.sameOften}
        onConfirm={confirm}
      />
      {question && (
        <Dialog title={text.merge.mergeAnyway} onClose={() => answer(false)}>
          <div className={styles.question}>
            <p>{text.merge.differentPeople}</p>
            <ul>
              {customers.map(({ unifiedId, basic }) => (
                <li key={unifiedId}>
                  <b>
                    <Name name={basic.name} />
                  </b>
                  <BirthAndGender basic={basic} />
                </li>
              ))}
            </ul>
            <p className={styles.answers}>
              <button type="button" className="button" onClick={() => answer(false)}>
                {text.merge.mergeAnywayCancel}
              </button>
              <button type="button" className={`button primary ${styles.red}`} onClick={() => answer(true)}>
                {text.merge.mergeAnywayConfirm}
              </button>
            </p>
          </div>
        </Dialog>
      )}
    </>
  );
}

function BirthAndGender({ basic: { birthDate, gender } }: Pick<ProfileView, "basic">) {
  const format = useFormat();
  const parts = [birthDate && format.date(birthDate), gender && format.gender(gender)].filter(Boolean);
  return parts.length > 0 && <span className="soft"> {parts.join(" · ")}</span>;
}
