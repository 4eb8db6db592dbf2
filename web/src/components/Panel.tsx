import { ChevronDown, Plus } from "lucide-react";
import { type ReactNode, useId, useRef, useState } from "react";
import styles from "./Panel.module.css";

type Props = {
  label: string;
  value?: string | undefined;
  /** A chip that adds something. */
  variant?: "add";
  /** In place of the label, which is then spoken only. */
  icon?: ReactNode;
  children: ReactNode;
};

const margin = 8;

/** A chip that opens a small panel under itself. Escape and a click outside close it. */
export function Panel({ label, value, variant, icon, children }: Props) {
  const id = useId();
  const chip = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  const place = () => {
    const anchor = chip.current?.getBoundingClientRect();
    if (!anchor || !panel.current) return;
    const furthest = document.documentElement.clientWidth - panel.current.offsetWidth - margin;
    panel.current.style.top = `${anchor.bottom + 4}px`;
    panel.current.style.left = `${Math.max(margin, Math.min(anchor.left, furthest))}px`;
  };
  return (
    <>
      <button
        ref={chip}
        type="button"
        popoverTarget={id}
        aria-expanded={open}
        className={[styles.chip, value && styles.set, variant && styles[variant], icon && styles.bare]
          .filter(Boolean)
          .join(" ")}
      >
        {variant === "add" && <Plus size={14} aria-hidden />}
        <span className={icon ? "hidden" : undefined}>{label}</span>
        {icon}
        {value && <b>{value}</b>}
        {variant !== "add" && !icon && <ChevronDown size={14} aria-hidden />}
      </button>
      <div
        ref={panel}
        id={id}
        popover="auto"
        className={styles.panel}
        onBeforeToggle={(event) => {
          setOpen(event.newState === "open");
          place();
        }}
        onToggle={place}
      >
        {open && children}
      </div>
    </>
  );
}
