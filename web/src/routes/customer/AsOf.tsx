import { ChevronLeft, ChevronRight } from "lucide-react";
import { useText } from "../../language/language";
import styles from "./AsOf.module.css";

type Props = {
  asOf: string;
  today: string;
  /** The first day that the slider can move to. */
  from: string;
  /** `undefined` is today. `settled` is false while the slider moves. */
  onChange: (asOf: string | undefined, settled: boolean) => void;
};

const day = 86_400_000;
const dayOf = (date: string) => Math.round(Date.parse(date) / day);
const dateOf = (days: number) => new Date(days * day).toISOString().slice(0, 10);

/** Selects the reporting date of windows, rankings and age. */
export function AsOf({ asOf, today, from, onChange }: Props) {
  const text = useText();
  const set = (asOf: string | undefined, settled = true) =>
    onChange(asOf === today ? undefined : asOf, settled);
  return (
    <div className={styles.asOf}>
      {from < today && (
        <input
          type="range"
          className={styles.slider}
          aria-label={text.asOf}
          aria-valuetext={asOf}
          min={dayOf(from)}
          max={dayOf(today)}
          value={dayOf(asOf)}
          onChange={(event) => set(dateOf(Number(event.target.value)), false)}
          onPointerUp={() => set(asOf)}
          onKeyUp={() => set(asOf)}
          onBlur={() => set(asOf)}
        />
      )}
      <label className={styles.label}>
        <span>{text.asOf}</span>
        <input
          type="date"
          className={styles.date}
          value={asOf}
          onChange={(event) => set(event.target.value || undefined)}
        />
      </label>
      <button
        type="button"
        className={styles.step}
        aria-label={text.asOfBack}
        onClick={() => set(monthsFrom(asOf, -1))}
      >
        <ChevronLeft size={16} aria-hidden />
      </button>
      <button
        type="button"
        className={styles.step}
        aria-label={text.asOfForward}
        onClick={() => set(monthsFrom(asOf, 1))}
      >
        <ChevronRight size={16} aria-hidden />
      </button>
      {asOf !== today && (
        <button type="button" className={styles.today} onClick={() => set(undefined)}>
          {text.asOfToday}
        </button>
      )}
    </div>
  );
}

/** The same day of another month, or that month's last day. */
export function monthsFrom(date: string, months: number): string {
  const from = new Date(date);
  const to = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months + 1, 0));
  to.setUTCDate(Math.min(from.getUTCDate(), to.getUTCDate()));
  return to.toISOString().slice(0, 10);
}
