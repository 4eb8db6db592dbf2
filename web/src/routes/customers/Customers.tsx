import { ArrowUp, Download } from "lucide-react";
import { lazy, Suspense, useEffect, useEffectEvent, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { useHistoryState } from "wouter/use-browser-location";
import { ErrorNotice } from "../../components/Notice";
import { useText } from "../../language/language";
import { ColumnsPanel } from "./ColumnsPanel";
import styles from "./Customers.module.css";
import { CustomerTable } from "./CustomerTable";
import { Filters } from "./Filters";
import { rememberList } from "./lastList";
import { NoCustomersFound } from "./NoCustomersFound";
import {
  type CustomersQuery,
  type HistoryState,
  isFiltered,
  noFilter,
  useCustomersQuery,
  useFilterInput,
  useShowCustomers,
} from "./query";
import { SelectionBar } from "./SelectionBar";
import { SortPanel } from "./SortPanel";
import { useSelection } from "./selection";
import { TableSkeleton } from "./TableSkeleton";
import { useColumns } from "./useColumns";
import { useCustomerList } from "./useCustomerList";
import { useLiveRows } from "./useLiveRows";
import { useSingleResult } from "./useSingleResult";
import { Views } from "./Views";

const FirstRun = lazy(() => import("./FirstRun").then(({ FirstRun }) => ({ default: FirstRun })));
const ExportDialog = lazy(() =>
  import("./ExportDialog").then(({ ExportDialog }) => ({ default: ExportDialog })),
);

const emptyPollInterval = 3000;

export function Customers() {
  const text = useText();
  const query = useCustomersQuery();
  const show = useShowCustomers();
  const columns = useColumns();
  const list = useCustomerList(query, columns.asks);
  const { pages, stale, error } = list;
  const { unseen, showUnseen } = useLiveRows(list, list.key, columns.asks);
  useSingleResult(list);
  useRememberedList(query);
  const filter = useFilterInput(query.filter);
  const selection = useSelection();
  const [exporting, setExporting] = useState(false);

  const search = query.search.trim() || null;
  const unfiltered = search === null && !isFiltered(query.filter);
  const isEmpty = !stale && pages?.total === 0 && unfiltered;
  useInterval(list.reload, isEmpty ? emptyPollInterval : undefined);
  if (isEmpty) {
    return (
      <main id="content" tabIndex={-1} className={styles.customers}>
        <Suspense>
          <FirstRun onData={list.reload} />
        </Suspense>
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
      <Views query={query} columns={columns} />
      <div className={styles.toolbar}>
        <h1 className={styles.count} aria-live="polite">
          {count()}
        </h1>
        {selection.ids.size > 0 && (
          <span className={styles.chosenCount}>{text.merge.chosen(selection.ids.size)}</span>
        )}
        {unseen > 0 && (
          <button type="button" className={styles.news} onClick={showUnseen}>
            <ArrowUp size={14} aria-hidden />
            {text.news(unseen)}
          </button>
        )}
        <Filters query={query} onChange={(filter) => show({ filter })} />
        <div className={styles.sort}>
          <SortPanel orderBy={query.orderBy} onOrder={(orderBy) => show({ orderBy })} />
        </div>
        <div className={styles.columns}>
          <button type="button" className={styles.export} onClick={() => setExporting(true)}>
            <Download size={14} aria-hidden />
            {text.list.export}
          </button>
          <ColumnsPanel columns={columns} />
        </div>
      </div>
      {error && (
        <div className={styles.notice}>
          <ErrorNotice error={error} onRetry={list.reload} old={pages !== undefined} />
        </div>
      )}
      {!pages && !error && <TableSkeleton columns={columns.shown} widths={columns.widths} />}
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
          columns={columns.shown}
          widths={columns.widths}
          orderBy={query.orderBy}
          onOrder={(orderBy) => show({ orderBy })}
          onMore={list.loadMore}
          initialPosition={list.initialPosition}
          position={list.position}
          selection={selection}
        />
      )}
      <SelectionBar selection={selection} onExport={() => setExporting(true)} />
      {exporting && (
        <Suspense>
          <ExportDialog
            query={query}
            filter={filter}
            total={pages?.total}
            chosen={selection.ids}
            columns={columns.shown}
            onClose={() => setExporting(false)}
          />
        </Suspense>
      )}
    </main>
  );
}

/** Keeps the list's address and state, so that a customer leads back to it. */
function useRememberedList(query: CustomersQuery) {
  const [path] = useLocation();
  const address = useSearch();
  const view = useHistoryState<HistoryState>()?.view;
  useEffect(
    () => rememberList(address ? `${path}?${address}` : path, query, view),
    [path, address, query, view],
  );
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
