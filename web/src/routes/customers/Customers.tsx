import { ArrowDown, ArrowUp } from "lucide-react";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { useClient } from "urql";
import { useLocation } from "wouter";
import { Choices } from "../../components/Choices";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Panel } from "../../components/Panel";
import { type CustomerRowFragment, CustomersDocument } from "../../graphql/generated/graphql";
import { type Pages, usePages } from "../../graphql/pages";
import { useRowChanges } from "../../graphql/subscriptions";
import { useText } from "../../language/language";
import { rules } from "../../rules/rules";
import { useLocalStorage } from "../../useLocalStorage";
import { customerPath, mergePath } from "../views";
import styles from "./Customers.module.css";
import {
  CustomerTable,
  focusCustomers,
  type ListPosition,
  nextOrder,
  TableSkeleton,
  top,
} from "./CustomerTable";
import { type ColumnId, columns } from "./columns";
import { Filters } from "./Filters";
import { FirstRun } from "./FirstRun";
import {
  type CustomersOrder,
  filterInput,
  isFiltered,
  noFilter,
  useCustomersQuery,
  useShowCustomers,
} from "./query";

const pageSize = 50;
const emptyPollInterval = 3000;
const restorableFor = 60_000;

/** The list as it was when it was left, so that coming back finds the same rows at the same place. */
let leftList: { pages: Pages<CustomerRowFragment>; place: ListPosition; at: number } | undefined;

export function Customers() {
  const text = useText();
  const client = useClient();
  const [, navigate] = useLocation();
  const query = useCustomersQuery();
  const show = useShowCustomers();
  const { filter, orderBy, entered } = query;
  const search = query.search.trim() || null;
  const key = JSON.stringify([filter, orderBy, search]);

  const [before] = useState(() =>
    leftList?.pages.key === key && Date.now() - leftList.at < restorableFor ? leftList : undefined,
  );
  const place = useRef({ ...top });
  const list = usePages<CustomerRowFragment>(
    key,
    async (after, atLeast) => {
      const variables = {
        search,
        filter: filterInput(filter),
        orderBy,
        first: Math.max(pageSize, atLeast),
        after,
        withCount: after === null,
      };
      const { data, error } = await client.query(CustomersDocument, variables, {
        requestPolicy: "network-only",
      });
      if (!data) throw error;
      const { totalCount, ...page } = data.profiles;
      return totalCount === undefined ? page : { ...page, totalCount };
    },
    before?.pages,
  );
  const { pages, stale, error } = list;

  // Rows that are shown change where they stand; what else is new waits for the reader.
  const [unseen, setUnseen] = useState<ReadonlySet<string>>(new Set());
  useRowChanges((rows) => {
    const changed = new Map(rows.map((row) => [row.unifiedId, row]));
    const shown = new Set(pages?.nodes.map(({ unifiedId }) => unifiedId));
    list.amend((nodes) => nodes.map((node) => changed.get(node.unifiedId) ?? node));
    const unseen = [...changed.keys()].filter((id) => !shown.has(id));
    if (unseen.length > 0) setUnseen((known) => new Set([...known, ...unseen]));
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list has no news yet.
  useEffect(() => setUnseen(new Set()), [key]);
  const showUnseen = () => {
    setUnseen(new Set());
    document.getElementById("customer-list")?.scrollTo(0, 0);
    list.refresh();
  };

  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const choose = (unifiedId: string) =>
    setChosen((before) => {
      const next = new Set(before);
      if (!next.delete(unifiedId)) next.add(unifiedId);
      return next;
    });

  const remember = useEffectEvent(() => {
    leftList = pages && { pages, place: place.current, at: Date.now() };
  });
  useEffect(() => () => remember(), []);

  const unfiltered = search === null && !isFiltered(filter);
  const isEmpty = !stale && pages?.total === 0 && unfiltered;
  const lookAgain = useEffectEvent(() => list.reload());
  useEffect(() => {
    if (!isEmpty) return;
    const timer = setInterval(() => document.hidden || lookAgain(), emptyPollInterval);
    return () => clearInterval(timer);
  }, [isEmpty]);

  // A search that was entered opens its only customer, or hands over to the list.
  const arrive = useEffectEvent(() => {
    show({ entered: false }, { replace: true });
    const [only] = pages?.nodes ?? [];
    if (only && pages?.total === 1) navigate(customerPath(only.unifiedId));
    else focusCustomers();
  });
  const arrived = entered && pages !== undefined && !stale;
  useEffect(() => {
    if (arrived) arrive();
  }, [arrived]);

  const [hidden, setHidden] = useLocalStorage<ColumnId[]>("columns.hidden", readHidden, (ids) =>
    ids.join(" "),
  );
  const shown = columns.filter(({ id }) => !hidden.includes(id));
  const levels = useMemo(
    () => [...new Set(pages?.nodes.flatMap(({ basic }) => basic.membershipLevel ?? []))],
    [pages],
  );

  if (isEmpty) {
    return (
      <main id="content" tabIndex={-1} className={styles.customers}>
        <FirstRun />
      </main>
    );
  }
  return (
    <main id="content" tabIndex={-1} className={styles.customers}>
      <div className={styles.toolbar}>
        <h1 className={styles.count} aria-live="polite">
          {pages?.total === undefined
            ? text.customers
            : unfiltered
              ? text.customerCount(pages.total)
              : text.customerCountFound(pages.total)}
        </h1>
        {unseen.size > 0 && (
          <button type="button" className={styles.news} onClick={showUnseen}>
            <ArrowUp size={14} aria-hidden />
            {text.news(unseen.size)}
          </button>
        )}
        <Filters query={query} levels={levels} onChange={(next) => show({ filter: next })} />
        <div className={styles.sort}>
          <SortPanel orderBy={orderBy} onOrder={(next) => show({ orderBy: next })} />
        </div>
        <div className={styles.columns}>
          <Panel label={text.columns}>
            <Choices
              options={columns.map((column) => ({ value: column.id, label: column.label(text) }))}
              chosen={shown.map(({ id }) => id)}
              onChange={(chosen) =>
                setHidden(columns.map(({ id }) => id).filter((id) => !chosen.includes(id)))
              }
            />
          </Panel>
        </div>
      </div>
      {error && (
        <div className={styles.notice}>
          <ErrorNotice error={error} onRetry={list.reload} />
        </div>
      )}
      {!pages && !error && <TableSkeleton columns={shown} />}
      {pages && pages.nodes.length === 0 && (
        <div className={styles.notice}>
          <NoCustomersFound
            search={search}
            filtered={isFiltered(filter)}
            onClearSearch={() => show({ search: "" })}
            onClearFilters={() => show({ filter: noFilter })}
          />
        </div>
      )}
      {pages && pages.nodes.length > 0 && (
        <CustomerTable
          key={pages.key}
          customers={pages.nodes}
          total={pages.total}
          more={pages.more}
          stale={stale}
          columns={shown}
          orderBy={orderBy}
          onOrder={(next) => show({ orderBy: next })}
          onMore={list.loadMore}
          from={before?.pages.key === pages.key ? before.place : top}
          place={place}
          chosen={chosen}
          onChoose={choose}
        />
      )}
      {chosen.size > 0 && (
        <div className={styles.chosen} role="status">
          <span>{text.merge.chosen(chosen.size)}</span>
          <button
            type="button"
            className="button primary"
            disabled={chosen.size < 2}
            onClick={() => navigate(mergePath([...chosen]))}
          >
            {text.merge.compare}
          </button>
          <button type="button" className="button" onClick={() => setChosen(new Set())}>
            {text.merge.clear}
          </button>
        </div>
      )}
    </main>
  );
}

function readHidden(stored: string | null): ColumnId[] {
  const ids = stored === null ? ["updated"] : stored.split(" ");
  return columns.map(({ id }) => id).filter((id) => ids.includes(id));
}

/** The order of the list where it has no column heads. */
function SortPanel({
  orderBy,
  onOrder,
}: {
  orderBy: CustomersOrder;
  onOrder: (orderBy: CustomersOrder) => void;
}) {
  const text = useText();
  const options = [
    { field: "NAME" as const, label: text.columnCustomer },
    ...columns.flatMap(({ orderBy: field, label }) => (field ? [{ field, label: label(text) }] : [])),
  ];
  const ascending = orderBy.direction === "ASC";
  return (
    <Panel label={text.sort} value={options.find(({ field }) => field === orderBy.field)?.label}>
      <ul>
        {options.map(({ field, label }) => (
          <li key={field}>
            <button
              type="button"
              className={styles.order}
              aria-pressed={field === orderBy.field}
              onClick={() => onOrder(nextOrder(field, orderBy))}
            >
              <span>{label}</span>
              {field === orderBy.field && (
                <>
                  <span className="hidden">{ascending ? text.ascending : text.descending}</span>
                  {ascending ? <ArrowUp size={14} aria-hidden /> : <ArrowDown size={14} aria-hidden />}
                </>
              )}
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

type NoCustomersProps = {
  search: string | null;
  filtered: boolean;
  onClearSearch: () => void;
  onClearFilters: () => void;
};

function NoCustomersFound({ search, filtered, onClearSearch, onClearFilters }: NoCustomersProps) {
  const text = useText();
  const blocked = useBlocked(search);
  return (
    <Notice title={text.nobodyFound}>
      {search !== null && <p>{blocked ? text.nobodyFoundBlocked : text.nobodyFoundSearch}</p>}
      {filtered && <p>{text.nobodyFoundFilter}</p>}
      <div className={styles.ways}>
        {search !== null && (
          <button type="button" className="button" onClick={onClearSearch}>
            {text.clearSearch}
          </button>
        )}
        {filtered && (
          <button type="button" className="button" onClick={onClearFilters}>
            {text.clearFilters}
          </button>
        )}
      </div>
    </Notice>
  );
}

/** Whether the rules never take the words for anybody: `unknown`, `0`, `test@test.com`. */
function useBlocked(search: string | null): boolean {
  const [blocked, setBlocked] = useState(false);
  useEffect(() => {
    let overtaken = false;
    const set = (value: boolean) => {
      if (!overtaken) setBlocked(value);
    };
    if (search === null) set(false);
    else
      rules.normaliseIdentifier("external_id", search).then(
        ({ status }) => set(status === "blocked"),
        () => set(false),
      );
    return () => {
      overtaken = true;
    };
  }, [search]);
  return blocked;
}
