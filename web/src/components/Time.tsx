import { useFormat } from "../language/format";
import styles from "./Time.module.css";

type Props = { at: string; inRow?: boolean; asDate?: boolean };

/**
 * A moment, as people say it (or its date); the exact one takes its place under the pointer and the keyboard. Where a whole row
 * takes the focus (`data-row`), the row shows it; elsewhere the time itself can be focused, and tapped.
 */
export function Time({ at, inRow = false, asDate = false }: Props) {
  const format = useFormat();
  const both = (
    <>
      <span className={styles.relative}>{asDate ? format.dateOf(at) : format.relative(at)}</span>
      <span className={styles.exact}>{format.exact(at)}</span>
    </>
  );
  if (inRow) {
    return (
      <time dateTime={at} className={styles.time}>
        {both}
      </time>
    );
  }
  return (
    <button type="button" className={styles.time}>
      <time dateTime={at} className={styles.both}>
        {both}
      </time>
    </button>
  );
}
