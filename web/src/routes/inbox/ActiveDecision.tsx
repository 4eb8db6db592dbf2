import { RevokeForm } from "../../decisions/RevokeForm";
import type { DecisionFactsFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Inbox.module.css";

type Props = { decision: DecisionFactsFragment; onSettled: () => void };

/** The decision in force, with its actor and reason; it can be revoked with a reason. */
export function ActiveDecision({ decision, onSettled }: Props) {
  const text = useText();
  const format = useFormat();
  const { id, relation, reason, actor, at } = decision;
  return (
    <RevokeForm id={id} onDone={onSettled} className={styles.decide}>
      <p>{text.decisions.active(relation, reason, actor, format.relative(at))}</p>
    </RevokeForm>
  );
}
