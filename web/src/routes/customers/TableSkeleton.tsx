import { Skeleton } from "../../components/Skeleton";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./CustomerTable.module.css";
import { cellClass } from "./cellClass";
import type { Column } from "./columns";
import type { Widths } from "./layout";
import { TableColumns } from "./TableColumns";

export const skeletonRows = 12;

export function RowSkeleton({ columns }: { columns: Column[] }) {
  return (
    <>
      <td className={styles.choose} />
      <td className={styles.customer}>
        <Skeleton width="60%" />
      </td>
      {columns.map((column) => (
        <td key={column.id} className={cellClass(column.id, column.figure)}>
          <Skeleton width="70%" />
        </td>
      ))}
      <td className={styles.rest} />
    </>
  );
}

/** The table before its first answer. */
export function TableSkeleton({ columns, widths }: { columns: Column[]; widths: Widths }) {
  const text = useText();
  const format = useFormat();
  return (
    <section className={styles.scroller} aria-label={text.customers} aria-busy="true">
      <table className={styles.table}>
        <TableColumns columns={columns} widths={widths} />
        <thead>
          <tr>
            <td className={styles.choose} />
            <th scope="col" className={styles.customer}>
              {text.columnCustomer}
            </th>
            {columns.map((column) => (
              <th key={column.id} scope="col" className={cellClass(column.id, column.figure)}>
                {column.label(text, format)}
              </th>
            ))}
            <td className={styles.rest} />
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
