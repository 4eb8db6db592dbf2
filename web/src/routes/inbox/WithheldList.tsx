import { useEffect, useRef } from "react";
import { IdentifierName } from "../../components/IdentifierName";
import { keepVisible } from "../../components/keepVisible";
import { NearEnd } from "../../components/NearEnd";
import { CustomerNames } from "../../decisions/CustomerNames";
import { linkKey } from "../../decisions/linkKey";
import type { WithheldFactsFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Inbox.module.css";

type Props = {
  links: WithheldFactsFragment[];
  chosen: string | undefined;
  more: boolean;
  loading: boolean;
  onMore: () => void;
  onChoose: (key: string) => void;
};

export function WithheldList({ links, chosen, more, loading, onMore, onChoose }: Props) {
  const text = useText();
  return (
    <div className={styles.links}>
      <ul>
        {links.map((withheld) => {
          const key = linkKey(withheld.link);
          return (
            <li key={key}>
              <Row withheld={withheld} current={key === chosen} onChoose={() => onChoose(key)} />
            </li>
          );
        })}
      </ul>
      {more && <NearEnd loading={loading} label={text.inbox.more} onReach={onMore} />}
    </div>
  );
}

type RowProps = { withheld: WithheldFactsFragment; current: boolean; onChoose: () => void };

function Row({ withheld: { link, reason }, current, onChoose }: RowProps) {
  const text = useText();
  const format = useFormat();
  const row = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (current && row.current) keepVisible(row.current);
  }, [current]);
  return (
    <button
      ref={row}
      type="button"
      className={styles.row}
      aria-current={current ? "true" : undefined}
      onClick={onChoose}
    >
      <span className={styles.who}>
        <CustomerNames a={link.a.unifiedId} b={link.b.unifiedId} />
      </span>
      <span className={styles.times}>{text.links.times(link.count)}</span>
      <span className={styles.ends}>
        <IdentifierName identifier={link.a} />
        <IdentifierName identifier={link.b} />
      </span>
      <span className={styles.why}>
        <span className={reason === "DIFFERENT" ? styles.settled : styles.mark}>
          {text.inbox.reasons[reason]}
        </span>
        <span>{format.relative(link.lastSeenAt)}</span>
      </span>
    </button>
  );
}
