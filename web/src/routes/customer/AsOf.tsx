import { ChevronLeft, ChevronRight } from "lucide-react";
import { useId, useState } from "react";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./AsOf.module.css";
import { dateOfDay, dayNumber, monthsFrom, within } from "./dates";

type Props = {
  asOf: string;
  today: string;
  /** The dates that can be selected. */
  range: { first: string; last: string };
  /** `undefined` is today. `settled` is false while the slider moves. */
  onChange: (asOf: string | undefined, settled: boolean) => void;
};

/**
 * Selects the reporting date of purchases. Its parts are always all there: a slider that moves while it is dragged cannot be
 * dragged.
 */
export function AsOf({ asOf, today, range, onChange }: Props) {
  const text = useText();
  const format = useFormat();
  const hint = useId();
  // A date is typed digit by digit; until it can be selected, it is the field's own.
  const [typed, setTyped] = useState<string>();
  const set = (asOf: string | undefined, settled = true) => {
    setTyped(undefined);
    onChange(asOf === today ? undefined : asOf, settled);
  };
  const type = (date: string) => {
    if (date && date === within(range, date)) set(date);
    else setTyped(date);
  };
  const monthBack = within(range, monthsFrom(asOf, -1));
  const monthForward = within({ ...range, last: today }, monthsFrom(asOf, 1));
  return (
    <div className={styles.asOf}>
      <label className={styles.label}>
        <span>{text.asOf}</span>
        <input
          type="date"
          className={styles.date}
          min={range.first}
          max={range.last}
          value={typed ?? asOf}
          aria-invalid={typed !== undefined}
          aria-describedby={hint}
          onChange={(event) => type(event.target.value)}
          onBlur={() => setTyped(undefined)}
        />
        <span id={hint} className="hidden">
          {text.card.asOfHint(format.date(range.first), format.date(range.last))}
        </span>
      </label>
      <button
        type="button"
        className={styles.step}
        aria-label={text.asOfBack}
        disabled={asOf <= range.first}
        onClick={() => set(monthBack)}
      >
        <ChevronLeft size={16} aria-hidden />
      </button>
      <button
        type="button"
        className={styles.step}
        aria-label={text.asOfForward}
        disabled={asOf >= today}
        onClick={() => set(monthForward)}
      >
        <ChevronRight size={16} aria-hidden />
      </button>
      <input
        type="range"
        className={styles.slider}
        aria-label={text.asOf}
        aria-valuetext={format.date(asOf)}
        disabled={range.first >= today}
        min={dayNumber(range.first)}
        max={dayNumber(today)}
        value={dayNumber(asOf)}
        onChange={(event) => set(dateOfDay(Number(event.target.value)), false)}
        onPointerUp={() => set(asOf)}
        onKeyUp={() => set(asOf)}
        onBlur={() => set(asOf)}
      />
    </div>
  );
}
