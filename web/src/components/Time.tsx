import { useFormat } from "../language/format";
import styles from "./Time.module.css";

type Props = { at: string; inRow?: boolean; asDate?: boolean };

/**
 * A relative time, or a date. Hovering or tapping shows the exact time, and so does a row of a table or a list while something in
 * it has the focus. It is no stop of the Tab key: a card has dozens of times.
 */
export function Time({ at, inRow = false, asDate = false }: Props) {
  const format = useFormat();
  const exact = format.exact(at);
  return (
    <time
      dateTime={at}
      className={styles.time}
      title={inRow ? undefined : exact}
      tabIndex={inRow ? undefined : -1}
    >
      <span className={styles.relative}>{asDate ? format.dateOf(at) : format.relative(at)}</span>
      <span className={styles.exact}>{exact}</span>
    </time>
  );
}
