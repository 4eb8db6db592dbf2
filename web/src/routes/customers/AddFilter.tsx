import { ChevronLeft } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useQuery } from "urql";
import { Panel } from "../../components/Panel";
import { CustomerFacetDocument } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useViewer } from "../../session/useViewer";
import { AttributeEditor, FieldEditor } from "./FilterEditor";
import styles from "./Filters.module.css";
import { Finder } from "./Finder";
import {
  type CustomersFilter,
  type CustomersQuery,
  type FilterField,
  filterFields,
  isPersonalField,
} from "./query";
import { useFilterText } from "./useFilterText";

type Props = { query: CustomersQuery; onChange: (filter: CustomersFilter) => void };

/** Adds a condition: first on which field or attribute, then which. */
export function AddFilter({ query, onChange }: Props) {
  const text = useText();
  return (
    <Panel label={text.list.addFilter} variant="add">
      <Steps query={query} onChange={onChange} />
    </Panel>
  );
}

type Chosen = { field: Exclude<FilterField, "attribute"> } | { attribute: string };

/** The panel renders this only while it is open, so each opening starts with the list. */
function Steps({ query, onChange }: Props) {
  const text = useText();
  const format = useFormat();
  const words = useFilterText();
  const [chosen, setChosen] = useState<Chosen>();
  if (!chosen) return <Fields onChoose={setChosen} />;
  const title = "field" in chosen ? words.name(chosen.field) : format.attribute(chosen.attribute);
  return (
    <div className={styles.step}>
      <button type="button" className={styles.title} onClick={() => setChosen(undefined)}>
        <ChevronLeft size={14} aria-hidden />
        <span className="hidden">{text.list.allFilters}: </span>
        {title}
      </button>
      {"field" in chosen ? (
        <FieldEditor query={query} field={chosen.field} onChange={onChange} />
      ) : (
        <AttributeEditor query={query} name={chosen.attribute} onChange={onChange} />
      )}
    </div>
  );
}

function Fields({ onChoose }: { onChoose: (chosen: Chosen) => void }) {
  const text = useText();
  const format = useFormat();
  const words = useFilterText();
  const viewer = useViewer();
  const seesAll = viewer?.seesPersonalData ?? false;
  const [typed, setTyped] = useState("");
  const [{ data }] = useQuery({
    query: CustomerFacetDocument,
    variables: { field: "ATTRIBUTE_NAME", first: 200 },
    pause: !seesAll,
  });
  const names = (data?.profileFacet.values ?? []).map(({ value }) => String(value));
  const wanted = typed.trim().toLowerCase();
  const fits = (label: string, other = "") =>
    label.toLowerCase().includes(wanted) || other.toLowerCase().includes(wanted);
  const isPlain = (field: FilterField): field is Exclude<FilterField, "attribute"> => field !== "attribute";
  const fields = filterFields
    .filter(isPlain)
    .filter((field) => seesAll || !isPersonalField(field))
    .filter((field) => fits(words.name(field)));
  const attributes = names
    .map((name) => ({ name, label: format.attribute(name) }))
    .filter(({ name, label }) => fits(label, name))
    .sort((a, b) => a.label.localeCompare(b.label));
  const only = fields.length + attributes.length === 1;
  const enter = () => {
    const [field] = fields;
    const [attribute] = attributes;
    if (field) onChoose({ field });
    else if (attribute) onChoose({ attribute: attribute.name });
  };
  return (
    <div className={styles.step}>
      <Finder label={text.list.findFilter} value={typed} onChange={setTyped} onEnter={enter} />
      <ul className={styles.fields}>
        {fields.map((field) => (
          <Item key={field} strong={only} onClick={() => onChoose({ field })}>
            {words.name(field)}
          </Item>
        ))}
      </ul>
      {attributes.length > 0 && (
        <>
          <h3 className={styles.group}>{text.attributes}</h3>
          <ul className={styles.fields}>
            {attributes.map(({ name, label }) => (
              <Item key={name} strong={only} onClick={() => onChoose({ attribute: name })}>
                {label}
                {label !== name && <span className="soft small">{name}</span>}
              </Item>
            ))}
          </ul>
        </>
      )}
      {fields.length + attributes.length === 0 && <p className="soft">{text.list.noFilterFound}</p>}
    </div>
  );
}

function Item({ strong, onClick, children }: { strong: boolean; onClick: () => void; children: ReactNode }) {
  return (
    <li>
      <button type="button" className={`${styles.field} ${strong ? styles.only : ""}`} onClick={onClick}>
        {children}
      </button>
    </li>
  );
}
