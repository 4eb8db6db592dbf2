import { type SubmitEvent, useState } from "react";
import { useQuery } from "urql";
import { Choices } from "../../components/Choices";
import { Panel } from "../../components/Panel";
import { CustomerCountDocument } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Filters.module.css";
import {
  ageGroups,
  type CustomersFilter,
  type CustomersQuery,
  filterInput,
  genders,
  isFiltered,
  noFilter,
  platforms,
} from "./query";

type Props = {
  query: CustomersQuery;
  /** The membership levels of the loaded customers; every business has its own. */
  levels: string[];
  onChange: (filter: CustomersFilter) => void;
};

export function Filters({ query, levels, onChange }: Props) {
  const text = useText();
  const format = useFormat();
  const { filter } = query;
  const allLevels = [...new Set([...levels, ...filter.membershipLevel])].sort();
  const addLevel = (level: string) =>
    onChange({ ...filter, membershipLevel: [...new Set([...filter.membershipLevel, level])] });

  const panel = <Name extends keyof CustomersFilter>(
    name: Name,
    label: string,
    values: CustomersFilter[Name][number][],
    labelOf: (value: CustomersFilter[Name][number]) => string,
  ) => {
    const chosen: CustomersFilter[Name][number][] = filter[name];
    const [first, ...others] = chosen;
    const options = values.map((value) => ({
      value,
      label: labelOf(value),
      aside: <Count filter={{ ...filter, [name]: [value] }} search={query.search} />,
    }));
    return (
      <Panel label={label} value={first && text.filterSelected(labelOf(first), others.length)}>
        <Choices
          options={options}
          chosen={chosen}
          onChange={(next) => onChange({ ...filter, [name]: next })}
        />
        {name === "membershipLevel" && <AnotherLevel onAdd={addLevel} />}
      </Panel>
    );
  };
  return (
    <fieldset className={styles.filters}>
      <legend className="hidden">{text.filters}</legend>
      {panel("platform", text.filterPlatform, platforms, format.platform)}
      {panel("gender", text.filterGender, genders, format.gender)}
      {panel("ageGroup", text.filterAgeGroup, ageGroups, format.ageGroup)}
      {panel("membershipLevel", text.filterMembership, allLevels, (level) => level)}
      {isFiltered(filter) && (
        <button type="button" className={styles.clear} onClick={() => onChange(noFilter)}>
          {text.clearFilters}
        </button>
      )}
    </fieldset>
  );
}

/** How many customers an option would find together with the other filters. */
function Count({ filter, search }: { filter: CustomersFilter; search: string }) {
  const format = useFormat();
  const [{ data }] = useQuery({
    query: CustomerCountDocument,
    variables: { filter: filterInput(filter), search: search.trim() || null },
  });
  return <span className="soft small">{data && format.number(data.profiles.totalCount)}</span>;
}

function AnotherLevel({ onAdd }: { onAdd: (level: string) => void }) {
  const text = useText();
  const [level, setLevel] = useState("");
  const add = (event: SubmitEvent) => {
    event.preventDefault();
    if (level.trim() !== "") onAdd(level.trim());
    setLevel("");
  };
  return (
    <form className={styles.another} onSubmit={add}>
      <input
        className={styles.level}
        value={level}
        placeholder={text.anotherLevel}
        aria-label={text.anotherLevel}
        onChange={(event) => setLevel(event.target.value)}
      />
      <button type="submit" className="button">
        {text.add}
      </button>
    </form>
  );
}
