import { type SubmitEvent, useState } from "react";
import { KindIcon } from "../../components/KindIcon";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { KindRule, PolicyDocument, Rule } from "../../rules/preview";
import styles from "./Policy.module.css";

type Props = { document: PolicyDocument; onChange: (document: PolicyDocument) => void };

/** The document as a form; each rule shows what it means. */
export function Form({ document, onChange }: Props) {
  const text = useText();
  const set = (change: Partial<PolicyDocument>) => onChange({ ...document, ...change });
  return (
    <div className={styles.form}>
      <section>
        <h2>{text.policy.kinds}</h2>
        <KindRules kinds={document.kinds} onChange={(kinds) => set({ kinds })} />
      </section>
      <section>
        <h2>{text.policy.sharedTitle}</h2>
        <div className={styles.row}>
          <span>{text.policy.maxLinks}</span>
          <NumberField
            label={text.policy.maxLinks}
            value={document.max_links}
            onChange={(max_links) => set({ max_links })}
          />
          <span className="soft">{text.policy.maxLinksMeans(document.max_links)}</span>
        </div>
        <div className={styles.row}>
          <span>{text.policy.maxUsers}</span>
          <NumberField
            label={text.policy.maxUsers}
            value={document.max_users_a_month}
            onChange={(max_users_a_month) => set({ max_users_a_month })}
          />
          <span className="soft">{text.policy.maxUsersMeans(document.max_users_a_month)}</span>
        </div>
      </section>
      <section>
        <h2>{text.policy.blockedTitle}</h2>
        <p className="soft">{text.policy.blockedMeans}</p>
        <LinesField
          label={text.policy.blockedValues}
          lines={document.blocked_values}
          onChange={(blocked_values) => set({ blocked_values })}
        />
        <LinesField
          label={text.policy.blockedPatterns}
          lines={document.blocked_patterns}
          onChange={(blocked_patterns) => set({ blocked_patterns })}
        />
      </section>
      <section>
        <h2>{text.policy.survivorship}</h2>
        <Survivorship document={document} onChange={onChange} />
      </section>
      <section>
        <h2>{text.policy.place}</h2>
        <label className={styles.row}>
          <span>{text.timeZone}</span>
          <input
            className={styles.input}
            value={document.time_zone}
            onChange={(event) => set({ time_zone: event.target.value })}
          />
        </label>
        <label className={styles.row}>
          <span>{text.policy.currency}</span>
          <input
            className={styles.input}
            value={document.currency}
            maxLength={3}
            onChange={(event) => set({ currency: event.target.value.toUpperCase() })}
          />
        </label>
      </section>
    </div>
  );
}

function KindRules({ kinds, onChange }: { kinds: KindRule[]; onChange: (kinds: KindRule[]) => void }) {
  const text = useText();
  const format = useFormat();
  const strongestFirst = [...kinds].sort((a, b) => a.priority - b.priority);
  const change = (name: string, rule: Partial<KindRule>) =>
    onChange(kinds.map((kind) => (kind.name === name ? { ...kind, ...rule } : kind)));
  /** Swaps a kind with the one above, so that no two kinds share a priority. */
  const raise = (position: number) => {
    const [above, below] = [strongestFirst[position - 1], strongestFirst[position]];
    if (!above || !below) return;
    onChange(
      kinds.map((kind) => {
        if (kind.name === above.name) return { ...kind, priority: below.priority };
        return kind.name === below.name ? { ...kind, priority: above.priority } : kind;
      }),
    );
  };
  return (
    <ol className={styles.kinds}>
      {strongestFirst.map(({ name, limit }, position) => (
        <li key={name} className={styles.row} data-kind={name}>
          <span className={styles.kind}>
            <KindIcon kind={name} />
            {format.kind(name)}
          </span>
          <NumberField
            label={text.policy.changed.limit(format.kind(name))}
            value={limit}
            onChange={(value) => change(name, { limit: value })}
          />
          <span className="soft">{text.policy.limitMeans(format.kind(name), limit)}</span>
          <button
            type="button"
            className="button"
            disabled={position === 0}
            aria-label={text.policy.raise(format.kind(name))}
            title={text.policy.raise(format.kind(name))}
            onClick={() => raise(position)}
          >
            ↑
          </button>
        </li>
      ))}
    </ol>
  );
}

type NumberFieldProps = { label: string; value: number; onChange: (value: number) => void };

function NumberField({ label, value, onChange }: NumberFieldProps) {
  return (
    <input
      type="number"
      aria-label={label}
      className={styles.figure}
      min={1}
      value={value}
      onChange={(event) => {
        const next = event.target.valueAsNumber;
        if (Number.isInteger(next) && next > 0) onChange(next);
      }}
    />
  );
}

type LinesFieldProps = { label: string; lines: string[]; onChange: (lines: string[]) => void };

function LinesField({ label, lines, onChange }: LinesFieldProps) {
  const [typed, setTyped] = useState(lines.join("\n"));
  const split = (words: string) => words.split("\n").filter((line) => line.trim() !== "");
  // Keep the text as typed, unless the lines were changed elsewhere.
  const shown = split(typed).join("\n") === lines.join("\n") ? typed : lines.join("\n");
  return (
    <label className={styles.lines}>
      <span>{label}</span>
      <textarea
        rows={3}
        value={shown}
        spellCheck={false}
        onChange={(event) => {
          setTyped(event.target.value);
          onChange(split(event.target.value));
        }}
      />
    </label>
  );
}

const rules: Rule[] = ["latest", "earliest", "most_frequent", "max", "min", "source_priority", "union"];

function Survivorship({ document, onChange }: Props) {
  const text = useText();
  const format = useFormat();
  const { survivorship } = document;
  const [name, setName] = useState("");
  const set = (change: Partial<PolicyDocument["survivorship"]>) =>
    onChange({ ...document, survivorship: { ...survivorship, ...change } });
  const setRule = (attribute: string, rule: Rule | undefined) => {
    const { [attribute]: _, ...others } = survivorship.attributes;
    set({ attributes: rule === undefined ? others : { ...others, [attribute]: rule } });
  };
  const add = (event: SubmitEvent) => {
    event.preventDefault();
    if (name.trim() === "") return;
    setRule(name.trim(), "latest");
    setName("");
  };
  const select = (
    value: Rule,
    label: string,
    change: (rule: Rule | undefined) => void,
    removable: boolean,
  ) => (
    <select
      className={styles.input}
      value={value}
      aria-label={label}
      onChange={(event) => change(rules.find((rule) => rule === event.target.value))}
    >
      {rules.map((rule) => (
        <option key={rule} value={rule}>
          {text.ruleNames[rule]}
        </option>
      ))}
      {removable && <option value="">{text.policy.asDefault}</option>}
    </select>
  );
  return (
    <>
      <div className={styles.row}>
        <span>{text.policy.defaultRule}</span>
        {select(
          survivorship.default,
          text.policy.defaultRule,
          (rule) => rule && set({ default: rule }),
          false,
        )}
      </div>
      {Object.entries(survivorship.attributes).map(([attribute, rule]) => (
        <div key={attribute} className={styles.row}>
          <span>{format.attribute(attribute)}</span>
          {select(rule, format.attribute(attribute), (next) => setRule(attribute, next), true)}
        </div>
      ))}
      <form className={styles.row} onSubmit={add}>
        <input
          className={styles.input}
          value={name}
          aria-label={text.policy.anotherAttribute}
          placeholder={text.policy.anotherAttribute}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" className="button">
          {text.add}
        </button>
      </form>
      <LinesField
        label={text.policy.sources}
        lines={survivorship.sources}
        onChange={(sources) => set({ sources: sources.map((source) => source.trim()) })}
      />
    </>
  );
}
