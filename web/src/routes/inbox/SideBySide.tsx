import type { ReactNode } from "react";
import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import { IdentifierName } from "../../components/IdentifierName";
import { Time } from "../../components/Time";
import { isSameEnd } from "../../decisions/linkKey";
import type { CustomerInShortFragment, LinkFactsFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { customerPath } from "../views";
import styles from "./SideBySide.module.css";

type Props = { a: CustomerInShortFragment; b: CustomerInShortFragment; link: LinkFactsFragment };
type Row = { name: string; of: (customer: CustomerInShortFragment) => ReactNode; same?: boolean };

/** Two customers in summary. What they have in common is marked: it suggests that they are one. */
export function SideBySide({ a, b, link }: Props) {
  const text = useText();
  const format = useFormat();
  const common = (value: (customer: CustomerInShortFragment) => string | null | undefined) =>
    Boolean(value(a)) && value(a) === value(b);
  const plain = (
    name: string,
    value: (customer: CustomerInShortFragment) => string | null | undefined,
    shown = (text: string) => text,
  ): Row => ({
    name,
    same: common(value),
    of: (customer) => {
      const own = value(customer);
      return own ? shown(own) : undefined;
    },
  });
  const rows: Row[] = [
    {
      name: text.identifiers,
      of: (customer) => (
        <ul className={styles.identifiers}>
          {customer.identifiers.map((identifier) => (
            <li key={identifier.unifiedId}>
              <IdentifierName
                identifier={identifier}
                strong={isSameEnd(identifier, link.a) || isSameEnd(identifier, link.b)}
              />
            </li>
          ))}
        </ul>
      ),
    },
    plain(text.birthDate, ({ basic }) => basic.birthDate, format.date),
    {
      name: text.gender,
      same: common(({ basic }) => basic.gender),
      of: ({ basic }) => basic.gender && format.gender(basic.gender),
    },
    plain(text.membership, ({ basic }) => basic.membershipLevel),
    plain(text.recentArea, ({ basic }) => basic.recentArea),
    { name: text.firstAccess, of: ({ activity }) => <Time asDate at={activity.firstAccessAt} /> },
    { name: text.lastActivity, of: ({ activity }) => <Time at={activity.lastActivityAt} /> },
    { name: text.events, of: ({ activity }) => format.number(activity.eventCount) },
    {
      name: text.inbox.purchases12,
      of: ({ purchases: { window, currency } }) =>
        window.count > 0 && `${text.ordersOf(window.count)} · ${format.money(window.amount, currency)}`,
    },
  ];
  return (
    <table className={styles.both}>
      <caption className="hidden">{text.inbox.sideBySide}</caption>
      <thead>
        <tr>
          <td />
          <CustomerHeader customer={a} />
          <CustomerHeader customer={b} />
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, of, same }) => (
          <tr key={name}>
            <th scope="row">
              {name}
              {same && <span className={styles.same}>{text.inbox.same}</span>}
            </th>
            <td>{of(a) || <span className="soft">–</span>}</td>
            <td>{of(b) || <span className="soft">–</span>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function CustomerHeader({ customer }: { customer: CustomerInShortFragment }) {
  const text = useText();
  const { avatar, name } = customer.basic;
  return (
    <th scope="col">
      <span className={styles.who}>
        <Avatar avatar={avatar} />
        <Link href={customerPath(customer.unifiedId)}>{name ?? text.unnamed}</Link>
      </span>
    </th>
  );
}
