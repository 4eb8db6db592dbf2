import { Search } from "lucide-react";
import { type ReactNode, useEffect, useEffectEvent, useState } from "react";
import { Choices } from "../../components/Choices";
import { Panel } from "../../components/Panel";
import { Segmented } from "../../components/Segmented";
import type { EventNamesQuery } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useMay } from "../../session/useMay";
import { useDebounced } from "../../useDebounced";
import styles from "./Timeline.module.css";
import type { TimelineQuery } from "./timelineQuery";

const debounceMs = 250;
const longestSearch = 200;

type Names = NonNullable<EventNamesQuery["profile"]>["eventNames"];
type Quick = "all" | "purchases" | "refunds" | "signIn";
const quick: Record<Exclude<Quick, "all">, string[]> = {
  purchases: ["df_purchase"],
  refunds: ["df_refund"],
  signIn: ["df_login", "df_logout", "df_sign_up"],
};

type Props = {
  query: TimelineQuery;
  search: string;
  names: Names | undefined;
  onShow: (change: Partial<TimelineQuery>) => void;
  onSearch: (search: string) => void;
  folding: ReactNode;
};

/** Which events are shown: by name, by text, and up to a day. */
export function TimelineFilter({ query, search, names, onShow, onSearch, folding }: Props) {
  const text = useText();
  const format = useFormat();
  const words = text.timelineView;
  const may = useMay();
  const counts = new Map(names?.names.map(({ name, count }) => [name, count]));
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  // Beyond a bound the server counts the newest events only.
  const inWords = (count: number) => `${format.number(count)}${names?.countedFrom ? "+" : ""}`;

  const countOf = (some: string[]) => some.reduce((sum, name) => sum + (counts.get(name) ?? 0), 0);
  const offered = (Object.keys(quick) as (keyof typeof quick)[]).filter(
    (key) => countOf(quick[key]) > 0 || isSame(quick[key], query.events),
  );
  const options: { value: Quick | "other"; label: string }[] = [
    { value: "all", label: names ? `${words.all} ${inWords(total)}` : words.all },
    ...offered.map((key) => ({ value: key, label: `${words.quick[key]} ${inWords(countOf(quick[key]))}` })),
  ];
  const active = query.events.length === 0 ? "all" : offered.find((key) => isSame(quick[key], query.events));

  const all = [...new Set([...counts.keys(), ...query.events])].sort(
    (a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || format.event(a).localeCompare(format.event(b)),
  );
  const [first, ...others] = query.events;
  return (
    <div className={styles.filter}>
      <Segmented
        label={words.quickLabel}
        options={options}
        value={active ?? "other"}
        onChange={(value) => onShow({ events: value === "all" || value === "other" ? [] : quick[value] })}
      />
      {all.length > 0 && (
        <div>
          <Panel
            label={text.timelineFilter}
            value={first && !active ? text.filterSelected(format.event(first), others.length) : undefined}
          >
            <Choices
              options={all.map((name) => ({
                value: name,
                label: format.event(name),
                aside: <span className="soft">{inWords(counts.get(name) ?? 0)}</span>,
              }))}
              chosen={query.events}
              onChange={(events) => onShow({ events })}
            />
          </Panel>
        </div>
      )}
      {/* Its values are masked for other roles, so the server searches in none of them. */}
      {may.seeFacts && <SearchBox search={search} onSearch={onSearch} />}
      <label className={styles.until}>
        <span className="soft">{words.until}</span>
        <input
          type="date"
          value={query.until ?? ""}
          max={format.today()}
          onChange={({ target }) => onShow({ until: target.value || undefined })}
        />
      </label>
      {query.until && (
        <button type="button" className={styles.quiet} onClick={() => onShow({ until: undefined })}>
          {words.newest}
        </button>
      )}
      {folding}
    </div>
  );
}

function SearchBox({ search, onSearch }: { search: string; onSearch: (search: string) => void }) {
  const text = useText();
  const [typed, setTyped] = useState(search);
  const settled = useDebounced(typed.trim(), debounceMs);
  const report = useEffectEvent(onSearch);
  useEffect(() => report(settled), [settled]);
  return (
    <div className={styles.search}>
      <Search size={14} aria-hidden />
      <input
        type="search"
        value={typed}
        maxLength={longestSearch}
        aria-label={text.timelineView.search}
        placeholder={text.timelineView.searchHint}
        autoComplete="off"
        onChange={({ target }) => setTyped(target.value)}
      />
    </div>
  );
}

const isSame = (a: string[], b: string[]) => a.length === b.length && a.every((name) => b.includes(name));
