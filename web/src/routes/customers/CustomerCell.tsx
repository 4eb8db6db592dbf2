import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import type { CustomerRowFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { customerPath } from "../views";
import styles from "./CustomerTable.module.css";

type Props = {
  customer: CustomerRowFragment;
  /** The IDs of the other columns. */
  shown: ReadonlySet<string>;
  index: number;
  tabStop: boolean;
  onFocus: () => void;
};

/**
 * The name of a customer, with what distinguishes customers of one name: where no column shows a contact, the contact; where there is
 * none, the ID. A narrow page always has the contact here.
 */
export function CustomerCell({ customer, shown, index, tabStop, onFocus }: Props) {
  const text = useText();
  const format = useFormat();
  const { avatar, name, phone, email } = customer.basic;
  const id = <span className="mono">{customer.unifiedId.slice(0, 8)}</span>;
  const hasColumn = phone ? shown.has("phone") : shown.has("email");
  return (
    <td className={styles.customer}>
      <span className={styles.who}>
        <Avatar avatar={avatar} />
        <Link
          href={customerPath(customer.unifiedId)}
          className={`${styles.name} ${name ? "" : "soft"}`}
          title={name ?? undefined}
          data-index={index}
          tabIndex={tabStop ? 0 : -1}
          onFocus={onFocus}
        >
          <bdi>{name ?? text.unnamed}</bdi>
        </Link>
        <span className={`${styles.contact} ${(phone || email) && hasColumn ? styles.inColumn : ""}`}>
          {phone ? <span title={phone}>{format.phone(phone)}</span> : (email ?? id)}
        </span>
      </span>
    </td>
  );
}
