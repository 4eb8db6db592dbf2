import { X } from "lucide-react";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { AddFilter } from "./AddFilter";
import { FilterChip } from "./FilterChip";
import { AttributeEditor, FieldEditor } from "./FilterEditor";
import styles from "./Filters.module.css";
import {
  type CustomersFilter,
  type CustomersQuery,
  type FilterField,
  filterFields,
  isFieldSet,
  isFiltered,
  noFilter,
} from "./query";
import { useFilterText } from "./useFilterText";

type Props = {
  query: CustomersQuery;
  onChange: (filter: CustomersFilter) => void;
};

/** The conditions as chips, which open to be changed, and a chip that adds one. */
export function Filters({ query, onChange }: Props) {
  const text = useText();
  const format = useFormat();
  const words = useFilterText();
  const { filter } = query;
  const isPlain = (field: FilterField): field is Exclude<FilterField, "attribute"> => field !== "attribute";
  return (
    <fieldset className={styles.filters}>
      <legend className="hidden">{text.filters}</legend>
      {filterFields.filter(isPlain).map(
        (field) =>
          isFieldSet(filter, field) && (
            <FilterChip
              key={field}
              label={words.name(field)}
              value={words.condition(filter, field)}
              onRemove={() => onChange({ ...filter, [field]: noFilter[field] })}
            >
              <FieldEditor query={query} field={field} onChange={onChange} />
            </FilterChip>
          ),
      )}
      {filter.attribute.map((condition) => (
        <FilterChip
          key={condition.name}
          label={format.attribute(condition.name)}
          value={words.attributeValue(condition.name, condition.value)}
          onRemove={() =>
            onChange({ ...filter, attribute: filter.attribute.filter((other) => other !== condition) })
          }
        >
          <AttributeEditor query={query} name={condition.name} onChange={onChange} />
        </FilterChip>
      ))}
      <AddFilter query={query} onChange={onChange} />
      {isFiltered(filter) && (
        <button type="button" className={styles.clear} onClick={() => onChange(noFilter)}>
          <X size={14} aria-hidden />
          {text.clearFilters}
        </button>
      )}
    </fieldset>
  );
}
