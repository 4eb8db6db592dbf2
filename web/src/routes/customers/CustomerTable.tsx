import { type MouseEvent, type RefObject, useMemo, useRef } from "react";
import { useLocation } from "wouter";
import type { CustomerRowFragment } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { CustomerCell } from "./CustomerCell";
import styles from "./CustomerTable.module.css";
import { cellClass } from "./cellClass";
import type { Column } from "./columns";
import { HeaderCell } from "./HeaderCell";
import type { CustomersOrder } from "./query";
import { RowSkeleton } from "./TableSkeleton";
import type { ListPosition } from "./useCustomerList";
import { useRowFocus } from "./useRowFocus";
import { useVirtualRows } from "./useVirtualRows";

type Props = {
  customers: CustomerRowFragment[];
  total: number | undefined;
  more: boolean;
  stale: boolean;
  columns: Column[];
  orderBy: CustomersOrder;
  onOrder: (orderBy: CustomersOrder) => void;
  onMore: () => void;
  /** Unified IDs of the customers that are selected to be merged. */
  selected: ReadonlySet<string>;
  onSelect: (unifiedId: string) => void;
  initialPosition: ListPosition;
  /** Receives the position as the reader moves. */
  position: RefObject<ListPosition>;
};

export function CustomerTable(props: Props) {
  const { customers, total, more, stale, columns, orderBy, onOrder, onMore } = props;
  const { selected, onSelect, initialPosition, position } = props;
  const text = useText();
  const scroller = useRef<HTMLElement>(null);
  const count = customers.length;
  const virtual = useVirtualRows({ scroller, count, more, onMore, initialPosition, position });
  const { tabStop, onFocus } = useRowFocus({
    scroller,
    customers,
    virtual,
    initialPosition,
    position,
    onSelect,
  });
  const openRow = useOpenRow();
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
        <tbody onClick={openRow}>
          <Spacer height={virtual.above} />
          {virtual.rows.map(({ index }) => {
            const customer = customers[index];
            return (
              <tr key={index} data-row aria-rowindex={index + 2} className={styles.row}>
                {customer ? (
                  <>
                    <CustomerCell
                      customer={customer}
                      index={index}
                      tabStop={index === tabStop}
                      selected={selected.has(customer.unifiedId)}
                      onSelect={() => onSelect(customer.unifiedId)}
                      onFocus={() => onFocus(index)}
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
          <Spacer height={virtual.below} />
        </tbody>
      </table>
    </section>
  );
}

/** A click anywhere in a row follows the link in its first cell. */
function useOpenRow() {
  const [, navigate] = useLocation();
  return (event: MouseEvent) => {
    if (event.target instanceof HTMLElement && !event.target.closest("a, label, input")) {
      const href = event.target.closest("tr")?.querySelector("a")?.getAttribute("href");
      if (href) navigate(href);
    }
  };
}

/** What fills a bar: the amount that one buyer in ten exceeds. Scaled to the largest, all others would look alike. */
function largeAmount(customers: CustomerRowFragment[]): number {
  const amounts = customers
    .map(({ purchases }) => Number(purchases.window.amount))
    .filter((amount) => amount > 0);
  amounts.sort((a, b) => a - b);
  return amounts[Math.floor(amounts.length * 0.9)] ?? 1;
}

/** Fills the height of the rows that are not rendered. */
function Spacer({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row without a link is not focusable.
    <tr aria-hidden="true" className={styles.gap}>
      <td style={{ height }} />
    </tr>
  );
}

/** Moves the focus to the list: to the row that had it last, or the first in view. */
export function focusCustomers() {
  document.querySelector<HTMLElement>('#customer-list a[tabindex="0"]')?.focus();
}
