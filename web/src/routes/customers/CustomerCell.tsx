import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import type { CustomerRowFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { customerPath } from "../views";
import styles from "./CustomerTable.module.css";

type Props = {
  customer: CustomerRowFragment;
  index: number;
  tabStop: boolean;
  selected: boolean;
  onSelect: () => void;
  onFocus: () => void;
};

/** The first cell of a row: avatar or check box, name, and a contact or ID that distinguishes customers of one name. */
export function CustomerCell({ customer, index, tabStop, selected, onSelect, onFocus }: Props) {
  const text = useText();
  const format = useFormat();
  const { avatar, name, phone, email } = customer.basic;
  return (
    <td className={styles.customer}>
      <span className={styles.who}>
        <label className={styles.choose}>
          <Avatar avatar={avatar} />
          <input
            type="checkbox"
            tabIndex={-1}
            checked={selected}
            aria-label={text.merge.choose(name ?? text.unnamed)}
            onChange={onSelect}
          />
        </label>
        <Link
          href={customerPath(customer.unifiedId)}
          className={`${styles.name} ${name ? "" : "soft"}`}
          data-index={index}
          tabIndex={tabStop ? 0 : -1}
          onFocus={onFocus}
        >
          {name ?? text.unnamed}
        </Link>
        <span className={styles.contact}>
          {phone
            ? format.phone(phone)
            : (email ?? <span className="mono">{customer.unifiedId.slice(0, 8)}</span>)}
        </span>
      </span>
    </td>
  );
}
