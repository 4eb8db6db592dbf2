import { useEffect, useRef } from "react";
import { ReasonForm } from "../../decisions/ReasonForm";
import { useDecisions } from "../../decisions/useDecisions";
import type { LinkFactsFragment, Relation } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import styles from "./Inbox.module.css";

type Props = {
  link: LinkFactsFragment;
  relation: Relation | undefined;
  onRelation: (relation: Relation | undefined) => void;
  onSettled: () => void;
};

/** A decision, same or different, with a reason. */
export function DecideForm({ link, relation, onRelation, onSettled }: Props) {
  const text = useText();
  const { decide } = useDecisions();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (relation) field.current?.focus();
  }, [relation]);

  const choices: { value: Relation; label: string; key: string }[] = [
    { value: "SAME", label: text.decisions.same, key: "S" },
    { value: "DIFFERENT", label: text.decisions.different, key: "D" },
  ];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape cancels from any of its fields.
    <div
      className={styles.decide}
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
        <ReasonForm
          ref={field}
          className={styles.because}
          confirm={relation === "SAME" ? text.decisions.confirmSame : text.decisions.confirmDifferent}
          often={relation === "SAME" ? text.decisions.sameOften : text.decisions.differentOften}
          onConfirm={async (reason) => {
            const holds = await decide({ relation, a: link.a, b: link.b, reason });
            if (holds) onSettled();
            return holds;
          }}
        >
          <p className="soft">
            {relation === "SAME" ? text.decisions.sameMeans : text.decisions.differentMeans}
          </p>
        </ReasonForm>
      )}
    </div>
  );
}
