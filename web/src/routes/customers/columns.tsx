import type { ReactNode } from "react";
import { Bar } from "../../components/Bar";
import { KindIcon } from "../../components/KindIcon";
import { Time } from "../../components/Time";
import type { CustomerRowFragment, ProfileOrderField } from "../../graphql/generated/graphql";
import type { Text } from "../../language/en";
import { useFormat } from "../../language/format";
import styles from "./CustomerTable.module.css";

export type ColumnId =
  | "identifiers"
  | "platforms"
  | "membership"
  | "lastActivity"
  | "orders"
  | "amount"
  | "firstAccess"
  | "updated";

export type Column = {
  id: ColumnId;
  label: (text: Text) => string;
  orderBy?: ProfileOrderField;
  figure?: boolean;
  cell: (row: CustomerRowFragment, large: number) => ReactNode;
};

/** The columns after the customer's name. */
export const columns: Column[] = [
  {
    id: "identifiers",
    label: (text) => text.columnIdentifiers,
    cell: (row) => <Kinds row={row} />,
  },
  {
    id: "platforms",
    label: (text) => text.columnPlatforms,
    cell: (row) => <Platforms row={row} />,
  },
  {
    id: "membership",
    label: (text) => text.columnMembership,
    cell: (row) => row.basic.membershipLevel,
  },
  {
    id: "lastActivity",
    label: (text) => text.columnLastActivity,
    orderBy: "LAST_ACTIVITY",
    cell: (row) => <Time inRow at={row.activity.lastActivityAt} />,
  },
  {
    id: "orders",
    label: (text) => text.columnOrders,
    orderBy: "PURCHASE_COUNT_12M",
    figure: true,
    cell: (row) => <Orders row={row} />,
  },
  {
    id: "amount",
    label: (text) => text.columnAmount,
    orderBy: "PURCHASE_AMOUNT_12M",
    figure: true,
    cell: (row, large) => <Amount row={row} large={large} />,
  },
  {
    id: "firstAccess",
    label: (text) => text.columnFirstAccess,
    orderBy: "FIRST_ACCESS",
    cell: (row) => <Time inRow asDate at={row.activity.firstAccessAt} />,
  },
  {
    id: "updated",
    label: (text) => text.columnUpdated,
    orderBy: "LAST_UPDATED",
    cell: (row) => <Time inRow at={row.activity.lastUpdatedAt} />,
  },
];

function Kinds({ row }: { row: CustomerRowFragment }) {
  const format = useFormat();
  const counts = new Map<string, number>();
  for (const { kind } of row.identifiers) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return (
    <ul className={styles.kinds}>
      {[...counts].map(([kind, count]) => (
        <li key={kind} title={`${format.kind(kind)}${count > 1 ? ` × ${count}` : ""}`}>
          <KindIcon kind={kind} />
          <span className="hidden">{format.kind(kind)}</span>
          {count > 1 && <span className="small">{count}</span>}
        </li>
      ))}
    </ul>
  );
}

function Platforms({ row }: { row: CustomerRowFragment }) {
  const format = useFormat();
  return row.basic.platforms.map(format.platform).join(", ");
}

function Orders({ row }: { row: CustomerRowFragment }) {
  const format = useFormat();
  const { count } = row.purchases.window;
  return <span className={count === 0 ? "soft" : undefined}>{format.number(count)}</span>;
}

function Amount({ row, large }: { row: CustomerRowFragment; large: number }) {
  const format = useFormat();
  const { window, currency } = row.purchases;
  return (
    <span className={styles.spent}>
      {window.count === 0 ? (
        <span className="soft">–</span>
      ) : (
        <span>{format.money(window.amount, currency)}</span>
      )}
      <Bar share={Number(window.amount) / large} />
    </span>
  );
}
