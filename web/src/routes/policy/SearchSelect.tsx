import { ChevronDown } from "lucide-react";
import { type KeyboardEvent, useId, useRef, useState } from "react";
import { useText } from "../../language/language";
import styles from "./SearchSelect.module.css";

export type Option = { value: string; label: string };
type Props = {
  label: string;
  value: string;
  options: Option[];
  onChange: (value: string) => void;
  attributes?: object;
};

/** More would not be read; a longer text finds the rest. */
const shown = 60;

/** A select with a search: typing filters, arrows move, Enter chooses, Escape and leaving it keep the value. */
export function SearchSelect({ label, value, options, onChange, attributes }: Props) {
  const text = useText();
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const [typed, setTyped] = useState<string>();
  const [position, setPosition] = useState(0);
  const open = typed !== undefined;
  const chosen = options.find((option) => option.value === value)?.label ?? value;
  const found = open ? matching(options, typed).slice(0, shown) : [];
  const active = found[Math.min(position, found.length - 1)];

  const close = () => {
    setTyped(undefined);
    setPosition(0);
  };
  const choose = (option: Option | undefined) => {
    if (option) onChange(option.value);
    close();
  };
  const move = (to: number) => {
    const next = Math.max(0, Math.min(found.length - 1, to));
    setPosition(next);
    list.current?.children[next]?.scrollIntoView({ block: "nearest" });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) {
      if (event.key !== "ArrowDown" && event.key !== "Enter") return;
      event.preventDefault();
      setTyped("");
      return;
    }
    const actions = new Map([
      ["ArrowDown", () => move(position + 1)],
      ["ArrowUp", () => move(position - 1)],
      ["Home", () => move(0)],
      ["End", () => move(found.length - 1)],
      ["Enter", () => choose(active)],
      ["Escape", close],
    ]);
    const action = actions.get(event.key);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
  return (
    <span className={styles.select}>
      <input
        role="combobox"
        aria-label={label}
        aria-expanded={open}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={active ? `${id}-${active.value}` : undefined}
        autoComplete="off"
        spellCheck={false}
        className={styles.input}
        value={typed ?? chosen}
        placeholder={open ? text.policy.find : undefined}
        // What is typed replaces the value.
        onFocus={(event) => event.target.select()}
        onMouseDown={() => open || setTyped("")}
        onChange={(event) => {
          setTyped(event.target.value);
          setPosition(0);
        }}
        onKeyDown={onKeyDown}
        onBlur={close}
        {...attributes}
      />
      <ChevronDown size={14} className={styles.arrow} aria-hidden />
      {open && (
        <div ref={list} id={id} role="listbox" tabIndex={-1} aria-label={label} className={styles.list}>
          {found.length === 0 && <div className="soft">{text.policy.noneFound}</div>}
          {found.map((option) => (
            <div
              key={option.value}
              id={`${id}-${option.value}`}
              role="option"
              tabIndex={-1}
              aria-selected={option === active}
              // Keeps the focus in the field, whose loss closes the list.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => choose(option)}
              onKeyDown={onKeyDown}
            >
              {option.label}
            </div>
          ))}
        </div>
      )}
    </span>
  );
}

/** Those whose label has every typed word, the ones that begin with the text first. */
function matching(options: Option[], typed: string): Option[] {
  const search = typed.trim().toLowerCase();
  const words = search.split(/[\s/_]+/).filter(Boolean);
  const found = options.filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
  const isFirst = ({ label }: Option) => (label.toLowerCase().startsWith(search) ? 0 : 1);
  return found.toSorted((a, b) => isFirst(a) - isFirst(b));
}
