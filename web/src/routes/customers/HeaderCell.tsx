import { ArrowDown, ArrowUp } from "lucide-react";
import type { ProfileOrderField } from "../../graphql/generated/graphql";
import styles from "./CustomerTable.module.css";
import { cellClass } from "./cellClass";
import { type CustomersOrder, nextOrder } from "./query";

type Props = {
  label: string;
  name: string;
  field: ProfileOrderField | undefined;
  figure?: boolean | undefined;
  orderBy: CustomersOrder;
  onOrder: (orderBy: CustomersOrder) => void;
};

/** A column head. Where the list can be ordered by the column, it is a button; elsewhere it looks like plain text. */
export function HeaderCell({ label, name, field, figure, orderBy, onOrder }: Props) {
  const ordered = field !== undefined && field === orderBy.field;
  const ascending = orderBy.direction === "ASC";
  const Arrow = ordered && ascending ? ArrowUp : ArrowDown;
  return (
    <th
      scope="col"
      className={cellClass(name, figure)}
      title={label}
      aria-sort={ordered ? (ascending ? "ascending" : "descending") : undefined}
    >
      {field === undefined ? (
        <span className={styles.fixed}>{label}</span>
      ) : (
        <button type="button" className={styles.sort} onClick={() => onOrder(nextOrder(field, orderBy))}>
          <span>{label}</span>
          <Arrow size={12} aria-hidden className={ordered ? undefined : styles.sortable} />
        </button>
      )}
    </th>
  );
}
