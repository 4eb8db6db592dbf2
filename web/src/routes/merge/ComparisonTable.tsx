import type { ReactNode } from "react";
import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import { Name } from "../../components/Name";
import { useText } from "../../language/language";
import type { ProfileView } from "../../rules/preview";
import { customerPath } from "../views";
import styles from "./Merge.module.css";

type Column = { key: string; customer: ProfileView; isResult: boolean };
export type Row = {
  key: string;
  name: string;
  cell: (customer: ProfileView, isResult: boolean) => ReactNode;
  why?: string;
  /** Whether the customers have different values. */
  differs?: boolean;
};
type Group = { name?: string; rows: Row[] };
type Props = { before: ProfileView[]; after: ProfileView; groups: Group[]; withWhy?: boolean };

/**
 * The customers side by side, with the merged one after the first, so between two. On a phone they are stacked, each value
 * with the name of its customer.
 */
export function ComparisonTable({ before, after, groups, withWhy = false }: Props) {
  const text = useText();
  const own = before.map((customer): Column => ({ key: customer.unifiedId, customer, isResult: false }));
  const columns: Column[] = [
    ...own.slice(0, 1),
    { key: "result", customer: after, isResult: true },
    ...own.slice(1),
  ];
  return (
    <div className={styles.wide}>
      <table className={styles.fields}>
        <thead>
          <tr>
            <td />
            {columns.map(({ key, customer, isResult }) => (
              <th key={key} scope="col" className={isResult ? styles.result : undefined}>
                <span className={styles.who}>
                  <Avatar avatar={customer.basic.avatar} />
                  {isResult ? (
                    text.merge.result
                  ) : (
                    <Link href={customerPath(customer.unifiedId)}>
                      <Name name={customer.basic.name} />
                    </Link>
                  )}
                </span>
              </th>
            ))}
            {withWhy && (
              <th scope="col" className={styles.why}>
                {text.merge.rule}
              </th>
            )}
          </tr>
        </thead>
        {groups
          .filter(({ rows }) => rows.length > 0)
          .map(({ name, rows }) => (
            <tbody key={name ?? ""}>
              {name && (
                <tr className={styles.group}>
                  <th scope="rowgroup" colSpan={columns.length + (withWhy ? 2 : 1)}>
                    {name}
                  </th>
                </tr>
              )}
              {rows.map((row) => (
                <FieldRow key={row.key} row={row} columns={columns} withWhy={withWhy} />
              ))}
            </tbody>
          ))}
      </table>
    </div>
  );
}

function FieldRow({ row, columns, withWhy }: { row: Row; columns: Column[]; withWhy: boolean }) {
  const text = useText();
  const { key, name, cell, why, differs } = row;
  return (
    <tr data-field={key} data-differs={differs || undefined}>
      <th scope="row">{name}</th>
      {columns.map(({ key: column, customer, isResult }) => (
        <td
          key={column}
          className={isResult ? styles.result : undefined}
          data-who={isResult ? text.merge.result : (customer.basic.name ?? text.unnamed)}
        >
          <div>{cell(customer, isResult)}</div>
        </td>
      ))}
      {withWhy && (
        <td className={styles.why} data-who={text.merge.rule}>
          {why && <div>{why}</div>}
        </td>
      )}
    </tr>
  );
}
