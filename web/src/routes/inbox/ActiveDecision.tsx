import { RevokeForm } from "../../decisions/RevokeForm";
import type { DecisionFactsFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Inbox.module.css";

type Props = { decision: DecisionFactsFragment; onSettled: () => void };

/** An active decision, with its actor and reason; it can be reverted with a reason. */
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
