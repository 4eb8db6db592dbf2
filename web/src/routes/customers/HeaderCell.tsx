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

/** A column head. Where the list can be ordered by the column, it is a button. */
export function HeaderCell({ label, name, field, figure, orderBy, onOrder }: Props) {
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
