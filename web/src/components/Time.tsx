import { useFormat } from "../language/format";
import styles from "./Time.module.css";

type Props = { at: string; inRow?: boolean; asDate?: boolean };

/**
 * A relative time, or a date. Hovering or focusing shows the exact time. In a row that has the focus as a whole (`data-row`),
 * the row shows it; elsewhere the time itself is focusable.
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
