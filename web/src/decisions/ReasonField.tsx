import { type Ref, useId } from "react";
import { useText } from "../language/language";
import styles from "./ReasonField.module.css";

type Props = {
  value: string;
  onChange: (value: string) => void;
  /** Frequent reasons; choosing one fills the field. */
  often?: readonly string[];
  ref?: Ref<HTMLInputElement>;
};

export function ReasonField({ value, onChange, often = [], ref }: Props) {
  const text = useText();
  const id = useId();
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
      />
      {often.length > 0 && (
        <ul className={styles.often} aria-label={text.decisions.often}>
          {often.map((words) => (
            <li key={words}>
              <button type="button" className={styles.one} onClick={() => onChange(words)}>
                {words}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
