import { type SubmitEvent, useEffect, useMemo, useState } from "react";
import { KindIcon } from "../../components/KindIcon";
import { useFormat } from "../../language/format";
import { useLanguage, useText } from "../../language/language";
import type { KindRule, OrderIds, PolicyDocument, Rule } from "../../rules/preview";
import { rules as ruleModule } from "../../rules/rules";
import { rules } from "./document";
import { useFaultOf } from "./Faults";
import styles from "./Policy.module.css";
import { type Option, SearchSelect } from "./SearchSelect";
import { currencyName } from "./useChanges";

type Props = { document: PolicyDocument; onChange: (document: PolicyDocument) => void };

/** The document as a form; each rule shows what it means, and each fault is under its field. */
export function Form({ document, onChange, readOnly }: Props & { readOnly: boolean }) {
  const text = useText();
  const set = (change: Partial<PolicyDocument>) => onChange({ ...document, ...change });
  return (
    <fieldset className={styles.form} disabled={readOnly}>
      <section>
        <h2>{text.policy.kinds}</h2>
        <KindRules kinds={document.kinds} onChange={(kinds) => set({ kinds })} />
      </section>
      <section>
        <h2>{text.policy.sharedTitle}</h2>
        <NumberRow
          label={text.policy.maxLinks}
          path="max_links"
          value={document.max_links}
          meaning={text.policy.maxLinksMeans(document.max_links)}
          onChange={(max_links) => set({ max_links })}
        />
        <NumberRow
          label={text.policy.maxUsers}
          path="max_users_a_month"
          value={document.max_users_a_month}
          meaning={text.policy.maxUsersMeans(document.max_users_a_month)}
          onChange={(max_users_a_month) => set({ max_users_a_month })}
        />
      </section>
      <section>
        <h2>{text.policy.blockedTitle}</h2>
        <p className="soft">{text.policy.blockedMeans}</p>
        <LinesField
          label={text.policy.blockedValues}
          path="blocked_values"
          lines={document.blocked_values}
          onChange={(blocked_values) => set({ blocked_values })}
        />
        <LinesField
          label={text.policy.blockedPatterns}
          path="blocked_patterns"
          lines={document.blocked_patterns}
          onChange={(blocked_patterns) => set({ blocked_patterns })}
        />
        <AlwaysBlocked />
      </section>
      <section>
        <h2>{text.policy.survivorship}</h2>
        <Survivorship document={document} onChange={onChange} />
      </section>
      <section>
        <h2>{text.policy.place}</h2>
        <Place document={document} onChange={onChange} />
      </section>
    </fieldset>
  );
}

function KindRules({ kinds, onChange }: { kinds: KindRule[]; onChange: (kinds: KindRule[]) => void }) {
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
      {strongestFirst.map((kind, position) => (
        <KindRow
          key={kind.name}
          kind={kind}
          path={`kinds[${kinds.indexOf(kind)}].limit`}
          onLimit={(limit) => change(kind.name, { limit })}
          onRaise={position > 0 ? () => raise(position) : undefined}
        />
      ))}
    </ol>
  );
}

type KindRowProps = {
  kind: KindRule;
  path: string;
  onLimit: (limit: number) => void;
  onRaise: (() => void) | undefined;
};

function KindRow({ kind: { name, limit }, path, onLimit, onRaise }: KindRowProps) {
  const text = useText();
  const format = useFormat();
  const { attributes, message } = useFaultOf(path);
  const raise = text.policy.raise(format.kind(name));
  return (
    <li className={styles.row} data-kind={name}>
      <span className={styles.kind}>
        <KindIcon kind={name} />
        {format.kind(name)}
      </span>
      <NumberField
        label={text.policy.changed.limit(format.kind(name))}
        value={limit}
        attributes={attributes}
        onChange={onLimit}
      />
      <span className="soft">{text.policy.limitMeans(limit)}</span>
      <button
        type="button"
        className="button"
        disabled={!onRaise}
        aria-label={raise}
        title={raise}
        onClick={onRaise}
      >
        ↑
      </button>
      {message}
    </li>
  );
}

type NumberRowProps = {
  label: string;
  path: string;
  value: number;
  meaning: string;
  onChange: (value: number) => void;
};

function NumberRow({ label, path, value, meaning, onChange }: NumberRowProps) {
  const { attributes, message } = useFaultOf(path);
  return (
    <div className={styles.row}>
      <span>{label}</span>
      <NumberField label={label} value={value} attributes={attributes} onChange={onChange} />
      <span className="soft">{meaning}</span>
      {message}
    </div>
  );
}

type NumberFieldProps = {
  label: string;
  value: number;
  attributes: object;
  onChange: (value: number) => void;
};

/** A number that can be emptied: it is NaN then, which is a fault until another one is typed. */
function NumberField({ label, value, attributes, onChange }: NumberFieldProps) {
  return (
    <input
      type="number"
      aria-label={label}
      className={styles.figure}
      min={1}
      value={Number.isNaN(value) ? "" : value}
      onChange={(event) => onChange(event.target.valueAsNumber)}
      {...attributes}
    />
  );
}

type LinesFieldProps = {
  label: string;
  path: string;
  lines: string[];
  onChange: (lines: string[]) => void;
};

function LinesField({ label, path, lines, onChange }: LinesFieldProps) {
  const [typed, setTyped] = useState(lines.join("\n"));
  const { attributes, message } = useFaultOf(path, (position) => lines[position]);
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
        {...attributes}
      />
      {message}
    </label>
  );
}

/** The values that every policy blocks: core's own list, which no policy can shorten. */
function AlwaysBlocked() {
  const text = useText();
  const [values, setValues] = useState<string[]>([]);
  useEffect(() => {
    let current = true;
    ruleModule.alwaysBlocked().then(
      (found) => current && setValues(found),
      // Without the module the list is not shown; the server blocks its values all the same.
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, []);
  if (values.length === 0) return null;
  return (
    <details className={styles.always} data-always-blocked={values.length}>
      <summary className="soft">
        {text.policy.alwaysBlocked(values.length)}: <span className="mono">{preferred(values)}, …</span>
      </summary>
      <p className="soft small">{text.policy.alwaysBlockedAlso}</p>
      <ul className={styles.values}>
        {values.map((value) => (
          <li key={value} className="mono">
            {value}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** A few that everyone knows, in place of the first of the alphabet. */
function preferred(values: string[]): string {
  const known = ["unknown", "test", "null", "n/a", "없음"].filter((value) => values.includes(value));
  return known.join(", ");
}

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
        path="survivorship.sources"
        lines={survivorship.sources}
        onChange={(sources) => set({ sources: sources.map((source) => source.trim()) })}
      />
    </>
  );
}

const orderIds: OrderIds[] = ["global", "source"];

function Place({ document, onChange }: Props) {
  const text = useText();
  const { language } = useLanguage();
  const set = (change: Partial<PolicyDocument>) => onChange({ ...document, ...change });
  const zone = useFaultOf("time_zone");
  const currency = useFaultOf("currency");
  const zones = useMemo(
    () => withOwn(Intl.supportedValuesOf("timeZone"), document.time_zone),
    [document.time_zone],
  );
  const currencies = useMemo(() => {
    const names = new Intl.DisplayNames(language, { type: "currency" });
    const codes = withOwn(Intl.supportedValuesOf("currency"), document.currency);
    return codes.map(({ value }): Option => ({ value, label: currencyName(names, value) }));
  }, [language, document.currency]);
  return (
    <>
      <div className={styles.row}>
        <span>{text.timeZone}</span>
        <SearchSelect
          label={text.timeZone}
          value={document.time_zone}
          options={zones}
          attributes={zone.attributes}
          onChange={(time_zone) => set({ time_zone })}
        />
        {zone.message}
      </div>
      <div className={styles.row}>
        <span>{text.policy.currency}</span>
        <SearchSelect
          label={text.policy.currency}
          value={document.currency}
          options={currencies}
          attributes={currency.attributes}
          onChange={(value) => set({ currency: value })}
        />
        {currency.message}
      </div>
      <label className={styles.row}>
        <span>{text.policy.orderIds}</span>
        <select
          className={styles.input}
          value={document.order_ids ?? "global"}
          onChange={(event) => {
            const chosen = orderIds.find((value) => value === event.target.value);
            const { order_ids: _, ...others } = document;
            // Left out means global, as in the documents that the server sends.
            onChange(chosen === "source" ? { ...others, order_ids: chosen } : others);
          }}
        >
          {orderIds.map((value) => (
            <option key={value} value={value}>
              {text.policy.orderIdsNames[value]}
            </option>
          ))}
        </select>
      </label>
    </>
  );
}

/** The browser's list, with the value of the document if the browser does not know it. */
function withOwn(values: string[], own: string): Option[] {
  const all = values.includes(own) || own === "" ? values : [own, ...values];
  return all.map((value) => ({ value, label: value }));
}
