import { type SubmitEvent, useEffect, useRef, useState } from "react";
import type { LinkFactsFragment, Relation } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { ReasonField } from "../../links/ReasonField";
import { useDecisions } from "../../links/useDecisions";
import styles from "./Inbox.module.css";

type Props = {
  link: LinkFactsFragment;
  relation: Relation | undefined;
  onRelation: (relation: Relation | undefined) => void;
  onSettled: () => void;
};

/** Same or different, and why. */
export function DecideForm({ link, relation, onRelation, onSettled }: Props) {
  const text = useText();
  const { decide } = useDecisions();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (relation) field.current?.focus();
  }, [relation]);

  const confirm = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!relation || reason.trim() === "") return;
    setBusy(true);
    const holds = await decide({ relation, a: link.a, b: link.b, reason: reason.trim() });
    setBusy(false);
    if (holds) onSettled();
  };
  const choices: { value: Relation; label: string; key: string }[] = [
    { value: "SAME", label: text.decisions.same, key: "S" },
    { value: "DIFFERENT", label: text.decisions.different, key: "D" },
  ];
  return (
    <form
      className={styles.decide}
      onSubmit={confirm}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.nativeEvent.isComposing) return;
        onRelation(undefined);
        document.getElementById("content")?.focus({ preventScroll: true });
      }}
    >
      <div className={styles.choices}>
        {choices.map(({ value, label, key }) => (
          <button
            key={value}
            type="button"
            className={styles.choice}
            aria-pressed={relation === value}
            aria-keyshortcuts={key}
            onClick={() => onRelation(relation === value ? undefined : value)}
          >
            {label}
            <span className={styles.key} aria-hidden="true">
              {key}
            </span>
          </button>
        ))}
        <p className={styles.keys} aria-hidden="true">
          {text.inbox.keys}
        </p>
      </div>
      {relation && (
        <>
          <p className="soft">
            {relation === "SAME" ? text.decisions.sameMeans : text.decisions.differentMeans}
          </p>
          <ReasonField
            ref={field}
            value={reason}
            onChange={setReason}
            often={relation === "SAME" ? text.decisions.sameOften : text.decisions.differentOften}
          />
          <button type="submit" className="button primary" disabled={busy || reason.trim() === ""}>
            {relation === "SAME" ? text.decisions.confirmSame : text.decisions.confirmDifferent}
          </button>
        </>
      )}
    </form>
  );
}
