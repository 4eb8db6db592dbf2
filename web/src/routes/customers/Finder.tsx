import { useEffect, useRef } from "react";
import styles from "./Filters.module.css";

type FinderProps = { label: string; value: string; onChange: (value: string) => void; onEnter?: () => void };

/** A field that narrows a list down; it has the focus from the beginning. */
export function Finder({ label, value, onChange, onEnter }: FinderProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus({ preventScroll: true }), []);
  return (
    <input
      ref={field}
      type="text"
      className={`field ${styles.finder}`}
      value={value}
      placeholder={label}
      aria-label={label}
      autoComplete="off"
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
        event.preventDefault();
        onEnter?.();
      }}
    />
  );
}
