import { ArrowUp } from "lucide-react";
import { useEffect, useEffectEvent, useMemo } from "react";
import { Choices } from "../../components/Choices";
import { ErrorNotice } from "../../components/Notice";
import { Panel } from "../../components/Panel";
import { useText } from "../../language/language";
import { useLocalStorage } from "../../useLocalStorage";
import styles from "./Customers.module.css";
import { CustomerTable } from "./CustomerTable";
import { type ColumnId, columns } from "./columns";
import { Filters } from "./Filters";
import { FirstRun } from "./FirstRun";
import { MergeSelection, useSelection } from "./MergeSelection";
import { NoCustomersFound } from "./NoCustomersFound";
import { isFiltered, noFilter, useCustomersQuery, useShowCustomers } from "./query";
import { SortPanel } from "./SortPanel";
import { TableSkeleton } from "./TableSkeleton";
import { useCustomerList } from "./useCustomerList";
import { useLiveRows } from "./useLiveRows";
import { useSingleResult } from "./useSingleResult";

const emptyPollInterval = 3000;

export function Customers() {
  const text = useText();
  const query = useCustomersQuery();
  const show = useShowCustomers();
  const list = useCustomerList(query);
  const { pages, stale, error } = list;
  const { unseen, showUnseen } = useLiveRows(list, list.key);
  useSingleResult(list);
  const selection = useSelection();
  const { visible, setVisible } = useVisibleColumns();
  const levels = useMemo(
    () => [...new Set(pages?.nodes.flatMap(({ basic }) => basic.membershipLevel ?? []))],
    [pages],
  );

  const search = query.search.trim() || null;
  const unfiltered = search === null && !isFiltered(query.filter);
  const isEmpty = !stale && pages?.total === 0 && unfiltered;
  useInterval(list.reload, isEmpty ? emptyPollInterval : undefined);
  if (isEmpty) {
    return (
      <main id="content" tabIndex={-1} className={styles.customers}>
        <FirstRun />
      </main>
    );
  }

  const count = () => {
    // The rows below are those of the search before.
    if (error && stale) return text.failures.search;
    if (pages?.total === undefined) return text.customers;
    return unfiltered ? text.customerCount(pages.total) : text.customerCountFound(pages.total);
  };
  return (
    <main id="content" tabIndex={-1} className={styles.customers}>
      <div className={styles.toolbar}>
        <h1 className={styles.count} aria-live="polite">
          {count()}
        </h1>
        {unseen > 0 && (
          <button type="button" className={styles.news} onClick={showUnseen}>
            <ArrowUp size={14} aria-hidden />
            {text.news(unseen)}
          </button>
        )}
        <Filters query={query} levels={levels} onChange={(filter) => show({ filter })} />
        <div className={styles.sort}>
          <SortPanel orderBy={query.orderBy} onOrder={(orderBy) => show({ orderBy })} />
        </div>
        <div className={styles.columns}>
          <Panel label={text.columns}>
            <Choices
              options={columns.map((column) => ({ value: column.id, label: column.label(text) }))}
              chosen={visible.map(({ id }) => id)}
              onChange={setVisible}
            />
          </Panel>
        </div>
      </div>
      {error && (
        <div className={styles.notice}>
          <ErrorNotice error={error} onRetry={list.reload} old={pages !== undefined} />
        </div>
      )}
      {!pages && !error && <TableSkeleton columns={visible} />}
      {pages && pages.nodes.length === 0 && (
        <div className={styles.notice}>
          <NoCustomersFound
            search={search}
            filtered={isFiltered(query.filter)}
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
          columns={visible}
          orderBy={query.orderBy}
          onOrder={(orderBy) => show({ orderBy })}
          onMore={list.loadMore}
          initialPosition={list.initialPosition}
          position={list.position}
          selected={selection.unifiedIds}
          onSelect={selection.toggle}
        />
      )}
      <MergeSelection selection={selection} />
    </main>
  );
}

/** The columns that the reader has not hidden. */
function useVisibleColumns() {
  const [hidden, setHidden] = useLocalStorage<ColumnId[]>("columns.hidden", readHidden, (ids) =>
    ids.join(" "),
  );
  return {
    visible: columns.filter(({ id }) => !hidden.includes(id)),
    setVisible: (ids: ColumnId[]) => setHidden(columns.map(({ id }) => id).filter((id) => !ids.includes(id))),
  };
}

function readHidden(stored: string | null): ColumnId[] {
  const ids = stored === null ? ["updated"] : stored.split(" ");
  return columns.map(({ id }) => id).filter((id) => ids.includes(id));
}

/** Runs `run` again and again while the page is visible; never where there is no interval. */
function useInterval(run: () => void, milliseconds: number | undefined) {
  const runIfVisible = useEffectEvent(() => {
    if (!document.hidden) run();
  });
  useEffect(() => {
    if (milliseconds === undefined) return;
    const timer = setInterval(() => runIfVisible(), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}
