import type { ReactNode } from "react";
import styles from "./Choices.module.css";

type Props<T extends string> = {
  options: { value: T; label: string; aside?: ReactNode }[];
  chosen: readonly T[];
  onChange: (chosen: T[]) => void;
};

/** Check boxes in a panel. */
export function Choices<T extends string>({ options, chosen, onChange }: Props<T>) {
  const toggle = (value: T) =>
    onChange(chosen.includes(value) ? chosen.filter((other) => other !== value) : [...chosen, value]);
  return (
    <ul>
      {options.map(({ value, label, aside }) => (
        <li key={value}>
          <label className={styles.choice}>
            <input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(value)} />
            <span className={styles.label}>{label}</span>
            {aside}
          </label>
        </li>
      ))}
    </ul>
  );
}
