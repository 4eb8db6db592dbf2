import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { type MouseEvent, type RefObject, useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { Avatar } from "../../components/Avatar";
import { Skeleton } from "../../components/Skeleton";
import type { CustomerRowFragment, ProfileOrderField } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useMedia } from "../../useMedia";
import { customerPath } from "../views";
import styles from "./CustomerTable.module.css";
import type { Column } from "./columns";
import type { CustomersOrder } from "./query";

type Props = {
  customers: CustomerRowFragment[];
  total: number | undefined;
  more: boolean;
  stale: boolean;
  columns: Column[];
  orderBy: CustomersOrder;
  onOrder: (orderBy: CustomersOrder) => void;
  onMore: () => void;
  /** Unified IDs of the customers that are chosen to be merged. */
  chosen: ReadonlySet<string>;
  onChoose: (unifiedId: string) => void;
  /** Where the reader was, when the list was left and is come back to. */
  from: ListPosition;
  /** Where the reader is. */
  place: RefObject<ListPosition>;
};

/** How far the list is scrolled, and the row that was used last. */
export type ListPosition = { offset: number; row: number | undefined };
export const top: ListPosition = { offset: 0, row: undefined };

const rowHeight = 40;
const narrowRowHeight = 60;
const headHeight = 36;
const skeletonRows = 12;
const prefetchRows = 25;

export function CustomerTable(props: Props) {
  const { customers, total, more, stale, columns, orderBy, onOrder, onMore, from, place } = props;
  const { chosen, onChoose } = props;
  const text = useText();
  const narrow = useMedia("(max-width: 720px)");
  const [, navigate] = useLocation();
  const scroller = useRef<HTMLElement>(null);
  const [active, setActive] = useState(from.row);
  const focusNext = useRef(from.row);
  const height = narrow ? narrowRowHeight : rowHeight;
  const head = narrow ? 0 : headHeight;

  const virtual = useVirtualizer({
    count: customers.length + (more ? skeletonRows : 0),
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 8,
    scrollMargin: head,
    scrollPaddingStart: head,
    initialOffset: from.offset,
    onChange: (instance) => {
      place.current.offset = instance.scrollOffset ?? 0;
    },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the rows change their height with the width of the page.
  useEffect(() => virtual.measure(), [height, virtual]);

  const rows = virtual.getVirtualItems();
  const first = rows.at(0);
  const last = rows.at(-1);
  const above = first ? first.start - head : 0;
  // Before the first measure there are no rows, but already their height: a list that was left can scroll back.
  const below = virtual.getTotalSize() - (last ? last.end - head : 0);

  const lastShown = last?.index ?? 0;
  const readOn = useEffectEvent(onMore);
  useEffect(() => {
    if (more && lastShown > customers.length - prefetchRows) readOn();
  }, [more, lastShown, customers.length]);

  // One row at a time takes part in the tab order: the one that was used last, or the first in view.
  const inView = rows.some(({ index }) => index === active);
  const tabStop = inView ? active : rows.find(({ start }) => start >= (virtual.scrollOffset ?? 0))?.index;

  const go = (index: number) => {
    const row = Math.max(0, Math.min(index, customers.length - 1));
    focusNext.current = row;
    setActive(row);
    virtual.scrollToIndex(row);
  };
  useEffect(() => {
    const link = scroller.current?.querySelector<HTMLElement>(`a[data-index="${focusNext.current}"]`);
    if (!link) return;
    focusNext.current = undefined;
    link.focus({ preventScroll: true });
  });

  const move = useEffectEvent((event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    const reading = target === document.body || target.id === "content" || scroller.current?.contains(target);
    if (!reading || event.ctrlKey || event.metaKey || event.altKey) return;
    const current = active === undefined ? undefined : customers[active];
    if (event.key === "x" && current) {
      event.preventDefault();
      onChoose(current.unifiedId);
      return;
    }
    const page = Math.max(1, Math.floor(((scroller.current?.clientHeight ?? 0) - head) / height) - 1);
    const here = active ?? -1;
    const rows: Record<string, number> = {
      ArrowDown: here + 1,
      ArrowUp: here - 1,
      PageDown: here + page,
      PageUp: here - page,
      Home: 0,
    };
    const row = rows[event.key];
    if (row === undefined) return;
    event.preventDefault();
    go(row);
  });
  useEffect(() => {
    document.addEventListener("keydown", move);
    return () => document.removeEventListener("keydown", move);
  }, []);

  // The name is the link; the rest of the row opens the same card.
  const open = (event: MouseEvent) => {
    if (event.target instanceof HTMLElement && !event.target.closest("a, label, input")) {
      const href = event.target.closest("tr")?.querySelector("a")?.getAttribute("href");
      if (href) navigate(href);
    }
  };
  const large = useMemo(() => largeAmount(customers), [customers]);

  return (
    <section
      ref={scroller}
      id="customer-list"
      aria-label={text.customers}
      aria-busy={stale}
      className={`${styles.scroller} ${stale ? styles.stale : ""}`}
    >
      <table className={styles.table} aria-rowcount={total === undefined ? -1 : total + 1}>
        <caption className="hidden">{text.tableHelp}</caption>
        <thead>
          <tr aria-rowindex={1}>
            <HeaderCell
              label={text.columnCustomer}
              name="customer"
              field="NAME"
              orderBy={orderBy}
              onOrder={onOrder}
            />
            {columns.map((column) => (
              <HeaderCell
                key={column.id}
                label={column.label(text)}
                name={column.id}
                field={column.orderBy}
                figure={column.figure}
                orderBy={orderBy}
                onOrder={onOrder}
              />
            ))}
          </tr>
        </thead>
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard has the link in each row. */}
        <tbody onClick={open}>
          <Spacer height={above} />
          {rows.map(({ index }) => {
            const customer = customers[index];
            return (
              <tr key={index} data-row aria-rowindex={index + 2} className={styles.row}>
                {customer ? (
                  <>
                    <CustomerCell
                      customer={customer}
                      index={index}
                      tabStop={index === tabStop}
                      selected={chosen.has(customer.unifiedId)}
                      onChoose={() => onChoose(customer.unifiedId)}
                      onFocus={() => {
                        setActive(index);
                        place.current.row = index;
                      }}
                    />
                    {columns.map((column) => (
                      <td key={column.id} className={cellClass(column.id, column.figure)}>
                        {column.cell(customer, large)}
                      </td>
                    ))}
                  </>
                ) : (
                  <RowSkeleton columns={columns} />
                )}
              </tr>
            );
          })}
          <Spacer height={below} />
        </tbody>
      </table>
    </section>
  );
}

/** What fills a bar: the amount that one buyer in ten exceeds. One great buyer would else make all others look alike. */
function largeAmount(customers: CustomerRowFragment[]): number {
  const amounts = customers
    .map(({ purchases }) => Number(purchases.window.amount))
    .filter((amount) => amount > 0);
  amounts.sort((a, b) => a - b);
  return amounts[Math.floor(amounts.length * 0.9)] ?? 1;
}

const cellClass = (name: string, figure?: boolean) => `${styles[name]} ${figure ? styles.figure : ""}`;

/** What is scrolled away, above and below. */
function Spacer({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row without a link is not focusable.
    <tr aria-hidden="true" className={styles.gap}>
      <td style={{ height }} />
    </tr>
  );
}

type HeaderCellProps = {
  label: string;
  name: string;
  field: ProfileOrderField | undefined;
  figure?: boolean | undefined;
  orderBy: CustomersOrder;
  onOrder: (orderBy: CustomersOrder) => void;
};

function HeaderCell({ label, name, field, figure, orderBy, onOrder }: HeaderCellProps) {
  const ordered = field !== undefined && field === orderBy.field;
  const ascending = orderBy.direction === "ASC";
  return (
    <th
      scope="col"
      className={cellClass(name, figure)}
      aria-sort={ordered ? (ascending ? "ascending" : "descending") : undefined}
    >
      {field === undefined ? (
        label
      ) : (
        <button type="button" className={styles.sort} onClick={() => onOrder(nextOrder(field, orderBy))}>
          <span>{label}</span>
          {ordered && (ascending ? <ArrowUp size={12} aria-hidden /> : <ArrowDown size={12} aria-hidden />)}
        </button>
      )}
    </th>
  );
}

/** A second press turns the order round; names begin at A, everything else with the most. */
export function nextOrder(field: ProfileOrderField, current: CustomersOrder): CustomersOrder {
  if (field === current.field) return { field, direction: current.direction === "ASC" ? "DESC" : "ASC" };
  return { field, direction: field === "NAME" ? "ASC" : "DESC" };
}

type CustomerCellProps = {
  customer: CustomerRowFragment;
  index: number;
  tabStop: boolean;
  selected: boolean;
  onChoose: () => void;
  onFocus: () => void;
};

function CustomerCell({ customer, index, tabStop, selected, onChoose, onFocus }: CustomerCellProps) {
  const text = useText();
  const format = useFormat();
  const { avatar, name, phone, email } = customer.basic;
  return (
    <td className={styles.customer}>
      <span className={styles.who}>
        <label className={styles.choose}>
          <Avatar avatar={avatar} />
          <input
            type="checkbox"
            tabIndex={-1}
            checked={selected}
            aria-label={text.merge.choose(name ?? text.unnamed)}
            onChange={onChoose}
          />
        </label>
        <Link
          href={customerPath(customer.unifiedId)}
          className={`${styles.name} ${name ? "" : "soft"}`}
          data-index={index}
          tabIndex={tabStop ? 0 : -1}
          onFocus={onFocus}
        >
          {name ?? text.unnamed}
        </Link>
        <span className={styles.contact}>
          {phone
            ? format.phone(phone)
            : (email ?? <span className="mono">{customer.unifiedId.slice(0, 8)}</span>)}
        </span>
      </span>
    </td>
  );
}

function RowSkeleton({ columns }: { columns: Column[] }) {
  return (
    <>
      <td className={styles.customer}>
        <Skeleton width="60%" />
      </td>
      {columns.map((column) => (
        <td key={column.id} className={cellClass(column.id, column.figure)}>
          <Skeleton width="70%" />
        </td>
      ))}
    </>
  );
}

/** Hands the keyboard over to the list: to the row that was used last, or the first in view. */
export function focusCustomers() {
  document.querySelector<HTMLElement>('#customer-list a[tabindex="0"]')?.focus();
}

/** The table before its first answer. */
export function TableSkeleton({ columns }: { columns: Column[] }) {
  const text = useText();
  return (
    <section className={styles.scroller} aria-label={text.customers} aria-busy="true">
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col" className={styles.customer}>
              {text.columnCustomer}
            </th>
            {columns.map((column) => (
              <th key={column.id} scope="col" className={cellClass(column.id, column.figure)}>
                {column.label(text)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: skeletonRows }, (_, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike.
            <tr key={index} className={styles.row}>
              <RowSkeleton columns={columns} />
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
