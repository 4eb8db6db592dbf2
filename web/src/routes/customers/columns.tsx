import type { ReactNode } from "react";
import { Bar } from "../../components/Bar";
import { KindIcon } from "../../components/KindIcon";
import { Time } from "../../components/Time";
import type { CustomerRowFragment, ProfileOrderField } from "../../graphql/generated/graphql";
import type { Text } from "../../language/en";
import { type Formats, useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./CustomerTable.module.css";

type CellProps = { row: CustomerRowFragment; large: number };

export type Column = {
  id: string;
  label: (text: Text, format: Formats) => string;
  orderBy?: ProfileOrderField;
  figure?: boolean;
  /** The width in pixels, and the most that it grows to where there is space. */
  width: number;
  most?: number;
  /** What its rows are asked for in addition. */
  asks?: "more" | "purchases";
  /** What an export has for it. */
  exports: string[];
  cell: (props: CellProps) => ReactNode;
};

const window12 = "purchase";

/** The columns after the customer's name that every base has. */
export const standardColumns: Column[] = [
  {
    id: "phone",
    label: (text) => text.list.phone,
    width: 134,
    exports: ["phone"],
    cell: (props) => <Phone {...props} />,
  },
  {
    id: "email",
    label: (text) => text.list.email,
    width: 160,
    most: 260,
    exports: ["email"],
    cell: ({ row }) => <span title={row.basic.email ?? undefined}>{row.basic.email}</span>,
  },
  {
    id: "genderAge",
    label: (text) => text.list.genderAge,
    width: 104,
    exports: ["gender", "age"],
    cell: (props) => <GenderAge {...props} />,
  },
  {
    id: "area",
    label: (text) => text.list.area,
    width: 108,
    most: 180,
    exports: ["recent_area"],
    cell: ({ row }) => <span title={row.basic.recentArea ?? undefined}>{row.basic.recentArea}</span>,
  },
  {
    id: "identifiers",
    label: (text) => text.columnIdentifiers,
    width: 140,
    exports: ["identifiers"],
    cell: (props) => <Kinds {...props} />,
  },
  {
    id: "platforms",
    label: (text) => text.columnPlatforms,
    width: 124,
    exports: ["platforms"],
    cell: (props) => <Platforms {...props} />,
  },
  {
    id: "membership",
    label: (text) => text.columnMembership,
    width: 92,
    exports: ["membership_level"],
    cell: ({ row }) => row.basic.membershipLevel,
  },
  {
    id: "lastActivity",
    label: (text) => text.columnLastActivity,
    orderBy: "LAST_ACTIVITY",
    width: 164,
    exports: ["last_activity_at"],
    cell: ({ row }) => <Time inRow at={row.activity.lastActivityAt} />,
  },
  {
    id: "orders",
    label: (text) => text.columnOrders,
    orderBy: "PURCHASE_COUNT_12M",
    figure: true,
    width: 122,
    exports: [`${window12}_count_12m`],
    cell: (props) => <Orders {...props} />,
  },
  {
    id: "amount",
    label: (text) => text.columnAmount,
    orderBy: "PURCHASE_AMOUNT_12M",
    figure: true,
    width: 204,
    most: 240,
    exports: [`${window12}_amount_12m`, "currency"],
    cell: (props) => <Amount {...props} />,
  },
  {
    id: "firstAccess",
    label: (text) => text.columnFirstAccess,
    orderBy: "FIRST_ACCESS",
    width: 168,
    exports: ["first_access_at"],
    cell: ({ row }) => <Time inRow asDate at={row.activity.firstAccessAt} />,
  },
  {
    id: "updated",
    label: (text) => text.columnUpdated,
    orderBy: "LAST_UPDATED",
    width: 168,
    exports: ["last_updated_at"],
    cell: ({ row }) => <Time inRow at={row.activity.lastUpdatedAt} />,
  },
  {
    id: "birthDate",
    label: (text) => text.birthDate,
    width: 128,
    asks: "more",
    exports: ["birth_date"],
    cell: ({ row }) => <Day day={row.basic.birthDate} />,
  },
  {
    id: "device",
    label: (text) => text.list.device,
    width: 180,
    most: 240,
    asks: "more",
    exports: ["device_model", "device_os", "device_os_version"],
    cell: (props) => <Device {...props} />,
  },
  {
    id: "country",
    label: (text) => text.list.country,
    width: 120,
    asks: "more",
    exports: ["country"],
    cell: (props) => <Country {...props} />,
  },
  {
    id: "deviceCount",
    label: (text) => text.deviceCount,
    figure: true,
    width: 136,
    asks: "more",
    exports: ["device_count"],
    cell: ({ row }) => <Count of={row.basic.deviceCount} />,
  },
  {
    id: "events",
    label: (text) => text.events,
    figure: true,
    width: 92,
    asks: "more",
    exports: ["event_count"],
    cell: ({ row }) => <Count of={row.activity.eventCount} />,
  },
  {
    id: "sessions",
    label: (text) => text.sessions,
    figure: true,
    width: 92,
    asks: "more",
    exports: ["session_count"],
    cell: ({ row }) => <Count of={row.activity.sessionCount} />,
  },
  ...windowColumns(3),
  ...windowColumns(6),
  averageColumn(12),
  {
    id: "firstPurchase",
    label: (text) => text.list.firstPurchase,
    width: 128,
    asks: "purchases",
    exports: ["first_purchase_date"],
    cell: ({ row }) => <Day day={row.purchases.firstPurchaseDate} />,
  },
  {
    id: "lastPurchase",
    label: (text) => text.list.lastPurchase,
    width: 128,
    asks: "purchases",
    exports: ["last_purchase_date"],
    cell: ({ row }) => <Day day={row.purchases.lastPurchaseDate} />,
  },
  {
    id: "peak",
    label: (text) => text.list.peak,
    width: 136,
    asks: "purchases",
    exports: ["peak_weekday", "peak_hour"],
    cell: (props) => <Peak {...props} />,
  },
  {
    id: "topCategory",
    label: (text) => text.list.topCategory,
    width: 152,
    most: 220,
    asks: "purchases",
    exports: ["top_category_12m"],
    cell: ({ row }) => row.purchases.topCategories?.[0]?.name,
  },
  {
    id: "topProduct",
    label: (text) => text.list.topProduct,
    width: 180,
    most: 260,
    asks: "purchases",
    exports: ["top_product_12m"],
    cell: ({ row }) => row.purchases.topProducts?.[0]?.name,
  },
  {
    id: "unifiedId",
    label: (text) => text.unifiedId,
    width: 300,
    exports: ["unified_id"],
    cell: ({ row }) => <span className="mono">{row.unifiedId}</span>,
  },
];

const common = [
  "phone",
  "identifiers",
  "platforms",
  "membership",
  "lastActivity",
  "orders",
  "amount",
  "firstAccess",
];

/** The columns of a reader who has chosen none, the least important last: a narrow page leaves those out. */
export const defaultColumns: string[] = [
  "phone",
  "lastActivity",
  "amount",
  "identifiers",
  "orders",
  "membership",
  "email",
  "genderAge",
  "area",
  "platforms",
  "firstAccess",
];
/** Those that a page below 1440 pixels leaves out. */
export const wideColumns = defaultColumns.filter((id) => !common.includes(id));

const attributePrefix = "attribute:";
const identifierPrefix = "identifier:";
const consentPrefix = "consent:";

export const attributeColumn = (name: string) => `${attributePrefix}${name}`;
export const identifierColumn = (kind: string) => `${identifierPrefix}${kind}`;
export const consentColumn = (channel: string) => `${consentPrefix}${channel}`;
/** The name of the attribute that a column shows. */
export const attributeOf = (id: string) =>
  id.startsWith(attributePrefix) ? id.slice(attributePrefix.length) : undefined;

/** The column of that ID; undefined for one that this page does not know. */
export function columnOf(id: string): Column | undefined {
  const standard = standardColumns.find((column) => column.id === id);
  if (standard) return standard;
  const name = attributeOf(id);
  if (name) return attributeColumnOf(id, name);
  if (id.startsWith(identifierPrefix)) return identifierColumnOf(id, id.slice(identifierPrefix.length));
  if (id.startsWith(consentPrefix)) return consentColumnOf(id, id.slice(consentPrefix.length));
  return undefined;
}

function attributeColumnOf(id: string, name: string): Column {
  return {
    id,
    label: (_text, format) => format.attribute(name),
    width: 140,
    most: 220,
    exports: [`attribute.${name}`],
    cell: ({ row }) => <AttributeValue row={row} name={name} />,
  };
}

function identifierColumnOf(id: string, kind: string): Column {
  return {
    id,
    label: (_text, format) => format.kind(kind),
    width: 150,
    most: 240,
    asks: "more",
    exports: [`identifier.${kind}`],
    cell: ({ row }) => <IdentifiersOf row={row} kind={kind} />,
  };
}

function consentColumnOf(id: string, channel: string): Column {
  return {
    id,
    label: (_text, format) => format.consent(channel),
    width: 140,
    asks: "more",
    exports: [`consent.${channel}`],
    cell: ({ row }) => <Consent row={row} channel={channel} />,
  };
}

function windowColumns(months: 3 | 6): Column[] {
  return [
    {
      id: `orders${months}`,
      label: (text) => text.list.ordersOf(months),
      figure: true,
      width: 124,
      asks: "purchases",
      exports: [`${window12}_count_${months}m`],
      cell: ({ row }) => <Count of={windowOf(row, months)?.count} />,
    },
    {
      id: `amount${months}`,
      label: (text) => text.list.amountOf(months),
      figure: true,
      width: 132,
      asks: "purchases",
      exports: [`${window12}_amount_${months}m`, "currency"],
      cell: ({ row }) => <Money row={row} amount={windowOf(row, months)?.amount} />,
    },
    averageColumn(months),
  ];
}

function averageColumn(months: 3 | 6 | 12): Column {
  return {
    id: `average${months}`,
    label: (text) => text.list.averageOf(months),
    figure: true,
    width: 148,
    asks: "purchases",
    exports: [`${window12}_average_${months}m`, "currency"],
    cell: ({ row }) => <Money row={row} amount={windowOf(row, months)?.average} />,
  };
}

const windowOf = (row: CustomerRowFragment, months: number) =>
  row.purchases.windows?.find((window) => window.months === months);

function Phone({ row }: CellProps) {
  const format = useFormat();
  const { phone } = row.basic;
  return phone ? <span title={phone}>{format.phone(phone)}</span> : null;
}

function GenderAge({ row }: CellProps) {
  const text = useText();
  const format = useFormat();
  const { gender, age } = row.basic;
  const parts = [gender && format.gender(gender), age == null ? undefined : text.list.age(age)];
  return parts.filter(Boolean).join(" · ");
}

function Kinds({ row }: CellProps) {
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

function IdentifiersOf({ row, kind }: { row: CustomerRowFragment; kind: string }) {
  const format = useFormat();
  const values = row.identifiers.filter((identifier) => identifier.kind === kind && identifier.value);
  const [first, ...others] = values.map(({ value }) => format.identifier(kind, value ?? ""));
  if (first === undefined) return null;
  return (
    <span title={[first, ...others].join("\n")}>
      {first} {others.length > 0 && <span className="soft small">+{others.length}</span>}
    </span>
  );
}

function Consent({ row, channel }: { row: CustomerRowFragment; channel: string }) {
  const text = useText();
  const consent = row.consents?.find((each) => each.channel === channel);
  if (!consent) return null;
  return consent.granted ? text.list.optedIn : <span className="soft">{text.list.optedOut}</span>;
}

function AttributeValue({ row, name }: { row: CustomerRowFragment; name: string }) {
  const format = useFormat();
  const attribute = row.attributes.find((each) => each.name === name);
  if (!attribute) return null;
  const value = format.attributeValue(name, attribute.value);
  return <span title={value}>{value}</span>;
}

function Platforms({ row }: CellProps) {
  const format = useFormat();
  return row.basic.platforms.map(format.platform).join(", ");
}

function Device({ row }: CellProps) {
  const { recentDevice } = row;
  if (!recentDevice) return null;
  const { model, os, osVersion, browser } = recentDevice;
  const system = [os, osVersion].filter(Boolean).join(" ");
  const words = [model, system, model ? undefined : browser].filter(Boolean).join(" · ");
  return <span title={words}>{words}</span>;
}

function Country({ row }: CellProps) {
  const format = useFormat();
  const country = row.recentDevice?.country;
  return country ? format.region(country) : null;
}

function Peak({ row }: CellProps) {
  const format = useFormat();
  const { peakWeekday, peakHour } = row.purchases;
  const parts = [peakWeekday && format.weekday(peakWeekday), peakHour == null ? null : format.hour(peakHour)];
  return parts.filter(Boolean).join(" · ");
}

function Day({ day }: { day: string | null | undefined }) {
  const format = useFormat();
  return day ? format.date(day) : null;
}

function Count({ of: count }: { of: number | undefined }) {
  const format = useFormat();
  if (count === undefined) return null;
  return <span className={count === 0 ? "soft" : undefined}>{format.number(count)}</span>;
}

function Money({ row, amount }: { row: CustomerRowFragment; amount: `${number}` | null | undefined }) {
  const format = useFormat();
  if (amount == null || Number(amount) === 0) return <span className="soft">–</span>;
  return format.money(amount, row.purchases.currency);
}

function Orders({ row }: CellProps) {
  return <Count of={row.purchases.window.count} />;
}

function Amount({ row, large }: CellProps) {
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
