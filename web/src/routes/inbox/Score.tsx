import { useText } from "../../language/language";
import styles from "./Inbox.module.css";

/** How likely it is that two customers are one person, as a number and a bar. */
export function Score({ score }: { score: number }) {
  const text = useText();
  return (
    <span className={styles.score} title={text.inbox.score(score)}>
      <span className={styles.bar} aria-hidden="true">
        <span style={{ inlineSize: `${score}%` }} />
      </span>
      <span className="hidden">{text.inbox.score(score)}</span>
      <span aria-hidden="true">{score}</span>
    </span>
  );
}
