import { type Ref, useId } from "react";
import { useText } from "../language/language";
import styles from "./ReasonField.module.css";

type Props = {
  value: string;
  onChange: (value: string) => void;
  /** Frequent reasons; choosing one fills the field. The keys 1 to 9 choose, too, until something else is typed. */
  often?: readonly string[];
  ref?: Ref<HTMLInputElement>;
};

export function ReasonField({ value, onChange, often = [], ref }: Props) {
  const text = useText();
  const id = useId();
  const isTyped = value !== "" && !often.includes(value);
  return (
    <div className={styles.reason}>
      <label htmlFor={id} className="soft small">
        {text.decisions.reason}
      </label>
      <input
        ref={ref}
        id={id}
        type="text"
        required
        maxLength={500}
        className={styles.field}
        value={value}
        placeholder={text.decisions.reasonHint}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (isTyped || event.ctrlKey || event.metaKey || event.altKey || event.nativeEvent.isComposing)
            return;
          const reason = /^[1-9]$/.test(event.key) ? often[Number(event.key) - 1] : undefined;
          if (reason === undefined) return;
          event.preventDefault();
          onChange(reason);
        }}
      />
      {often.length > 0 && (
        <ul className={styles.often} aria-label={text.decisions.often}>
          {often.map((words, position) => (
            <li key={words}>
              <button
                type="button"
                className={styles.one}
                aria-pressed={words === value}
                aria-keyshortcuts={`${position + 1}`}
                onClick={() => onChange(words)}
              >
                <span className={styles.number} aria-hidden="true">
                  {position + 1}
                </span>
                {words}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
