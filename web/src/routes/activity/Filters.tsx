import { useEffect, useState } from "react";
import { useText } from "../../language/language";
import styles from "./Activity.module.css";

export type ActivityFilter = {
  view: "actions" | "reads";
  /** A kind of the view; empty for all. */
  kind: string;
  actor: string;
  /** Days as yyyy-MM-dd, both included. */
  from: string;
  to: string;
  /** A unified ID. */
  customer: string;
};

type Props = {
  filter: ActivityFilter;
  /** The kinds of entries with their names. */
  kinds: Record<string, string>;
  /** The names to choose from; any name can be typed if they are not given. */
  actors: string[] | undefined;
  onFilter: (filter: ActivityFilter) => void;
};

/** The filters of the activity: kind, actor, days and customer. */
export function Filters({ filter, kinds, actors, onFilter }: Props) {
  const text = useText();
  const { view, kind, actor, from, to, customer } = filter;
  const set = (part: Partial<ActivityFilter>) => onFilter({ ...filter, ...part });
  return (
    <search className={styles.filters}>
      <label>
        {text.activity.kind}
        <select className="field" value={kind} onChange={(event) => set({ kind: event.target.value })}>
          <option value="">{text.activity.anyKind}</option>
          {Object.entries(kinds).map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {actors ? (
        <label>
          {text.activity.actor}
          <select className="field" value={actor} onChange={(event) => set({ actor: event.target.value })}>
            <option value="">{text.activity.anyActor}</option>
            {[...new Set([...actors, ...(actor ? [actor] : [])])].map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <TypedField label={text.activity.actor} value={actor} onChange={(value) => set({ actor: value })} />
      )}
      <label>
        {text.activity.from}
        <input
          type="date"
          className="field"
          value={from}
          max={to || undefined}
          onChange={(event) => set({ from: event.target.value })}
        />
      </label>
      <label>
        {text.activity.to}
        <input
          type="date"
          className="field"
          value={to}
          min={from || undefined}
          onChange={(event) => set({ to: event.target.value })}
        />
      </label>
      <TypedField
        label={text.activity.customer}
        value={customer}
        placeholder={text.activity.customerHint}
        className={styles.customerField}
        onChange={(value) => set({ customer: value })}
      />
      {[kind, actor, from, to, customer].some(Boolean) && (
        <button
          type="button"
          className="button"
          onClick={() => onFilter({ view, kind: "", actor: "", from: "", to: "", customer: "" })}
        >
          {text.activity.clear}
        </button>
      )}
    </search>
  );
}

type TypedProps = {
  label: string;
  value: string;
  placeholder?: string;
  className?: string | undefined;
  onChange: (value: string) => void;
};

/** A text that takes effect on Enter or when the field is left, not at every letter. */
function TypedField({ label, value, placeholder, className, onChange }: TypedProps) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const apply = () => {
    if (typed.trim() !== value) onChange(typed.trim());
  };
  return (
    <label className={className}>
      {label}
      <input
        className="field"
        value={typed}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={apply}
        onKeyDown={(event) => event.key === "Enter" && apply()}
      />
    </label>
  );
}
