import { type MouseEvent, type RefObject, useMemo, useRef } from "react";
import { useLocation } from "wouter";
import type { CustomerRowFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { ChooseAll, ChooseCell } from "./ChooseCell";
import { CustomerCell } from "./CustomerCell";
import styles from "./CustomerTable.module.css";
import { cellClass } from "./cellClass";
import type { Column } from "./columns";
import { HeaderCell } from "./HeaderCell";
import type { Widths } from "./layout";
import type { CustomersOrder } from "./query";
import type { Selection } from "./selection";
import { TableColumns } from "./TableColumns";
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
  widths: Widths;
  orderBy: CustomersOrder;
  onOrder: (orderBy: CustomersOrder) => void;
  onMore: () => void;
  selection: Selection;
  initialPosition: ListPosition;
  /** Receives the position as the reader moves. */
  position: RefObject<ListPosition>;
};

export function CustomerTable(props: Props) {
  const { customers, total, more, stale, columns, widths, orderBy, onOrder, onMore } = props;
  const { selection, initialPosition, position } = props;
  const text = useText();
  const format = useFormat();
  const scroller = useRef<HTMLElement>(null);
  const count = customers.length;
  const virtual = useVirtualRows({ scroller, count, more, onMore, initialPosition, position });
  const choose = useChoose(customers, selection);
  const { tabStop, onFocus } = useRowFocus({
    scroller,
    customers,
    virtual,
    initialPosition,
    position,
    onSelect: choose,
  });
  const openRow = useOpenRow();
  const large = useMemo(() => largeAmount(customers), [customers]);
  const shown = new Set(columns.map(({ id }) => id));

  return (
    <section
      ref={scroller}
      id="customer-list"
      aria-label={text.customers}
      aria-busy={stale}
      className={`${styles.scroller} ${stale ? styles.stale : ""} ${selection.ids.size ? styles.choosing : ""}`}
    >
      <table className={styles.table} aria-rowcount={total === undefined ? -1 : total + 1}>
        <caption className="hidden">{text.tableHelp}</caption>
        <TableColumns columns={columns} widths={widths} />
        <thead>
          <tr aria-rowindex={1}>
            <ChooseAll customers={customers} selection={selection} />
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
                label={column.label(text, format)}
                name={column.id}
                field={column.orderBy}
                figure={column.figure}
                orderBy={orderBy}
                onOrder={onOrder}
              />
            ))}
            <td className={styles.rest} />
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
                    <ChooseCell
                      name={customer.basic.name}
                      isChosen={selection.ids.has(customer.unifiedId)}
                      onChoose={(isRange) => choose(index, isRange)}
                    />
                    <CustomerCell
                      customer={customer}
                      shown={shown}
                      index={index}
                      tabStop={index === tabStop}
                      onFocus={() => onFocus(index)}
                    />
                    {columns.map(({ id, figure, cell }) => (
                      <td key={id} className={cellClass(id, figure)}>
                        {cell({ row: customer, large })}
                      </td>
                    ))}
                    <td className={styles.rest} />
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

/** Chooses a row, or all rows from the one that was chosen last to it. */
function useChoose(customers: CustomerRowFragment[], selection: Selection) {
  const last = useRef<number>(undefined);
  return (index: number, isRange: boolean) => {
    const customer = customers[index];
    if (!customer) return;
    const from = isRange ? (last.current ?? index) : index;
    const rows = customers.slice(Math.min(from, index), Math.max(from, index) + 1);
    selection.set(
      rows.map(({ unifiedId }) => unifiedId),
      isRange || !selection.ids.has(customer.unifiedId),
    );
    last.current = index;
  };
}

/** A click anywhere in a row follows the link of its customer. */
function useOpenRow() {
  const [, navigate] = useLocation();
  return (event: MouseEvent) => {
    if (event.target instanceof Element && !event.target.closest("a, label, input")) {
      const href = event.target.closest("tr")?.querySelector("a")?.getAttribute("href");
      if (href && !getSelection()?.toString()) navigate(href);
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
