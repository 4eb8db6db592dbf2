import { ChevronLeft, ChevronRight } from "lucide-react";
import { useText } from "../../language/language";
import styles from "./AsOf.module.css";
import { useCardQuery } from "./query";

/** The reporting date: windows, rankings and the age are those of this day. */
export function AsOf({ shown }: { shown: string }) {
  const text = useText();
  const [{ asOf }, show] = useCardQuery();
  return (
    <div className={styles.asOf}>
      <label className={styles.label}>
        <span>{text.asOf}</span>
        <input
          type="date"
          className={styles.date}
          value={asOf ?? shown}
          onChange={(event) => show({ asOf: event.target.value || undefined })}
        />
      </label>
      <button
        type="button"
        className={styles.step}
        aria-label={text.asOfBack}
        onClick={() => show({ asOf: monthsFrom(asOf ?? shown, -1) })}
      >
        <ChevronLeft size={16} aria-hidden />
      </button>
      <button
        type="button"
        className={styles.step}
        aria-label={text.asOfForward}
        onClick={() => show({ asOf: monthsFrom(asOf ?? shown, 1) })}
      >
        <ChevronRight size={16} aria-hidden />
      </button>
      {asOf && (
        <button type="button" className={styles.today} onClick={() => show({ asOf: undefined })}>
          {text.asOfToday}
        </button>
      )}
    </div>
  );
}

/** The same day of another month, or that month's last. */
function monthsFrom(date: string, months: number): string {
  const from = new Date(date);
  const to = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months + 1, 0));
  to.setUTCDate(Math.min(from.getUTCDate(), to.getUTCDate()));
  return to.toISOString().slice(0, 10);
}
