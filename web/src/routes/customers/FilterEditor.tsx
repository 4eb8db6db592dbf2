import { type SubmitEvent, useState } from "react";
import { useQuery } from "urql";
import { Choices } from "../../components/Choices";
import { ErrorNotice } from "../../components/Notice";
import { Segmented } from "../../components/Segmented";
import { Skeleton } from "../../components/Skeleton";
import { CustomerFacetDocument, type ProfileFacetField } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Filters.module.css";
import { Finder } from "./Finder";
import {
  ageGroups,
  type ChoiceField,
  type CustomersFilter,
  type CustomersQuery,
  type FilterField,
  genders,
  isNumberField,
  isTimeField,
  type NumberField,
  platforms,
  type TimeField,
  useFilterInput,
} from "./query";
import { isNumberRange, isTimeRange, type TimeRange } from "./ranges";
import { useFilterText } from "./useFilterText";

type Props = {
  query: CustomersQuery;
  onChange: (filter: CustomersFilter) => void;
};

/** Changes the condition on a field. */
export function FieldEditor(props: Props & { field: Exclude<FilterField, "attribute"> }) {
  const { field, ...rest } = props;
  if (isTimeField(field)) return <TimeEditor {...rest} field={field} />;
  if (isNumberField(field)) return <NumberEditor {...rest} field={field} />;
  return <ChoiceEditor {...rest} field={field} />;
}

const facetFields: Record<ChoiceField, ProfileFacetField> = {
  platform: "PLATFORM",
  gender: "GENDER",
  ageGroup: "AGE_GROUP",
  membershipLevel: "MEMBERSHIP_LEVEL",
  country: "COUNTRY",
  recentArea: "RECENT_AREA",
  hasIdentifier: "HAS_IDENTIFIER",
};
/** Fields whose values are known, in their natural order; those of others are the base's own, the most frequent first. */
const knownValues: { [Field in ChoiceField]?: readonly string[] } = {
  platform: platforms,
  gender: genders,
  ageGroup: ageGroups,
};
const facetSize = 200;
const searchableFrom = 9;

function useFacet(field: ProfileFacetField, attribute: string | null, query: CustomersQuery) {
  const filter = useFilterInput(query.filter);
  const search = query.search.trim() || null;
  return useQuery({
    query: CustomerFacetDocument,
    variables: { field, attribute, filter, search, first: facetSize },
    requestPolicy: "cache-and-network",
  });
}

function ChoiceEditor({ query, field, onChange }: Props & { field: ChoiceField }) {
  const text = useText();
  const format = useFormat();
  const words = useFilterText();
  const [typed, setTyped] = useState("");
  const [{ data, error }, reload] = useFacet(facetFields[field], null, query);
  const chosen: string[] = query.filter[field];
  if (error && !data) return <ErrorNotice error={error} onRetry={() => reload()} />;
  const facet = data?.profileFacet;
  if (!facet) return <EditorSkeleton />;
  const counts = new Map(facet.values.map(({ value, count }) => [String(value), count]));
  const all = [...new Set([...(knownValues[field] ?? []), ...counts.keys(), ...chosen])];
  const wanted = typed.trim().toLowerCase();
  const shown = all.filter((value) => words.choice(field, value).toLowerCase().includes(wanted));
  const set = (values: string[]) => onChange({ ...query.filter, [field]: values });
  // Not every value may be listed, so another one can be typed.
  const other = !facet.isComplete && wanted !== "" && !all.includes(typed.trim()) ? typed.trim() : undefined;
  return (
    <div className={styles.step}>
      {(all.length >= searchableFrom || !facet.isComplete) && (
        <Finder
          label={text.list.findValue}
          value={typed}
          onChange={setTyped}
          onEnter={() => {
            const value = other ?? (shown.length === 1 ? shown[0] : undefined);
            if (value !== undefined) set([...new Set([...chosen, value])]);
          }}
        />
      )}
      <Choices
        options={shown.map((value) => ({
          value,
          label: words.choice(field, value),
          aside: <span className="soft small">{format.number(counts.get(value) ?? 0)}</span>,
        }))}
        chosen={chosen}
        onChange={set}
      />
      {other !== undefined && (
        <button type="button" className="button" onClick={() => set([...chosen, other])}>
          {text.list.takeValue(other)}
        </button>
      )}
      {shown.length === 0 && other === undefined && <p className="soft">{text.list.noValue}</p>}
      {field === "hasIdentifier" && <p className="soft small">{text.list.allOfThese}</p>}
    </div>
  );
}

/** Changes the condition on an attribute: it has one value, or is a list that contains it. */
export function AttributeEditor({ query, name, onChange }: Props & { name: string }) {
  const text = useText();
  const format = useFormat();
  const words = useFilterText();
  const [typed, setTyped] = useState("");
  const [{ data, error }, reload] = useFacet("ATTRIBUTE", name, query);
  const current = query.filter.attribute.find((condition) => condition.name === name);
  const chosen = current && JSON.stringify(current.value);
  const set = (value: unknown) => {
    const others = query.filter.attribute.filter((condition) => condition.name !== name);
    onChange({ ...query.filter, attribute: [...others, { name, value }] });
  };
  if (error && !data) return <ErrorNotice error={error} onRetry={() => reload()} />;
  const facet = data?.profileFacet;
  if (!facet) return <EditorSkeleton />;
  const values = facet.values.map(({ value, count }) => ({ value, count, key: JSON.stringify(value) }));
  if (current && !values.some(({ key }) => key === chosen))
    values.push({ value: current.value, count: 0, key: JSON.stringify(current.value) });
  const wanted = typed.trim().toLowerCase();
  const shown = values.filter(({ value }) =>
    words.attributeValue(name, value).toLowerCase().includes(wanted),
  );
  const isFreeText = !facet.isComplete;
  return (
    <div className={styles.step}>
      {(isFreeText || values.length >= searchableFrom) && (
        <Finder
          label={isFreeText ? text.list.exactValue : text.list.findValue}
          value={typed}
          onChange={setTyped}
          onEnter={() => {
            const [only, ...others] = shown;
            if (only && others.length === 0) set(only.value);
            else if (isFreeText && typed.trim() !== "") set(parsed(typed.trim()));
          }}
        />
      )}
      <ul>
        {shown.map(({ value, count, key }) => (
          <li key={key}>
            <label className={styles.option}>
              <input type="radio" name={name} checked={key === chosen} onChange={() => set(value)} />
              <span>{words.attributeValue(name, value)}</span>
              <span className="soft small">{format.number(count)}</span>
            </label>
          </li>
        ))}
      </ul>
      {isFreeText && typed.trim() !== "" && (
        <button type="button" className="button" onClick={() => set(parsed(typed.trim()))}>
          {text.list.takeValue(typed.trim())}
        </button>
      )}
      {shown.length === 0 && !isFreeText && <p className="soft">{text.list.noValue}</p>}
    </div>
  );
}

/** A number as a number, anything else as a text. */
function parsed(typed: string): unknown {
  return /^-?\d{1,15}(\.\d+)?$/.test(typed) && String(Number(typed)) === typed ? Number(typed) : typed;
}

function EditorSkeleton() {
  return (
    <div className={styles.step} aria-busy="true">
      <Skeleton width="12em" />
      <Skeleton width="9em" />
      <Skeleton width="11em" />
    </div>
  );
}

const commonDays = [7, 30, 60, 90, 180, 365];

function TimeEditor({ query, field, onChange }: Props & { field: TimeField }) {
  const text = useText();
  const current = query.filter[field];
  const [kind, setKind] = useState<TimeRange["kind"]>(current?.kind ?? "before");
  const [days, setDays] = useState(current && current.kind !== "dates" ? String(current.days) : "60");
  const [from, setFrom] = useState(current?.kind === "dates" ? (current.from ?? "") : "");
  const [to, setTo] = useState(current?.kind === "dates" ? (current.to ?? "") : "");

  const range = (): TimeRange | undefined => {
    if (kind === "dates") {
      const dates = { from: from || undefined, to: to || undefined };
      return isTimeRange(dates) ? { kind, ...dates } : undefined;
    }
    return /^[1-9]\d{0,4}$/.test(days) ? { kind, days: Number(days) } : undefined;
  };
  const next = range();
  const apply = (value: TimeRange | undefined) => value && onChange({ ...query.filter, [field]: value });
  return (
    <form
      className={styles.step}
      onSubmit={(event: SubmitEvent) => {
        event.preventDefault();
        apply(next);
      }}
    >
      <Segmented
        label={text.list.fields[field]}
        options={[
          { value: "before", label: text.list.before },
          { value: "within", label: text.list.within },
          { value: "dates", label: text.list.dates },
        ]}
        value={kind}
        onChange={setKind}
      />
      {kind === "dates" ? (
        <div className={styles.bounds}>
          <input
            type="date"
            className="field"
            aria-label={text.list.from}
            value={from}
            onChange={(event) => setFrom(event.target.value)}
          />
          –
          <input
            type="date"
            className="field"
            aria-label={text.list.to}
            value={to}
            onChange={(event) => setTo(event.target.value)}
          />
        </div>
      ) : (
        <>
          <div className={styles.bounds}>
            <input
              type="number"
              min={1}
              max={99999}
              className={`field ${styles.days}`}
              aria-label={text.list.days}
              value={days}
              onChange={(event) => setDays(event.target.value)}
            />
            {text.list.days}
          </div>
          <div className={styles.common}>
            {commonDays.map((count) => (
              <button
                key={count}
                type="button"
                className="button"
                onClick={() => {
                  setDays(String(count));
                  apply({ kind, days: count });
                }}
              >
                {count}
              </button>
            ))}
          </div>
        </>
      )}
      <Apply enabled={next !== undefined} />
    </form>
  );
}

function NumberEditor({ query, field, onChange }: Props & { field: NumberField }) {
  const text = useText();
  const current = query.filter[field];
  const [min, setMin] = useState(current?.min ?? "");
  const [max, setMax] = useState(current?.max ?? "");
  const isAmount = field === "purchaseAmount12m";
  const next = { min: min || undefined, max: max || undefined };
  const input = (label: string, value: string, onInput: (value: string) => void) => (
    <input
      type="number"
      min={0}
      step={isAmount ? "any" : 1}
      className={`field ${styles.figure}`}
      aria-label={label}
      placeholder={label}
      value={value}
      onChange={(event) => onInput(event.target.value)}
    />
  );
  const isValid = isNumberRange(next) && (isAmount || [min, max].every((value) => /^\d{0,9}$/.test(value)));
  return (
    <form
      className={styles.step}
      onSubmit={(event: SubmitEvent) => {
        event.preventDefault();
        if (isValid) onChange({ ...query.filter, [field]: next });
      }}
    >
      <div className={styles.bounds}>
        {input(text.list.least, min, setMin)}–{input(text.list.most, max, setMax)}
      </div>
      <Apply enabled={isValid} />
    </form>
  );
}

/** Applies the condition and closes the panel. */
function Apply({ enabled }: { enabled: boolean }) {
  const text = useText();
  return (
    <button
      type="submit"
      className="button"
      disabled={!enabled}
      onClick={(event) => {
        const panel = event.currentTarget.closest<HTMLElement>("[popover]");
        // The form is sent first.
        setTimeout(() => panel?.hidePopover());
      }}
    >
      {text.list.apply}
    </button>
  );
}
