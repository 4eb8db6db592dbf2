import { Link } from "wouter";
import { IdentifierName } from "../../components/IdentifierName";
import { CustomerNames } from "../../decisions/CustomerNames";
import { linkKey } from "../../decisions/linkKey";
import { useLinkText } from "../../decisions/useLinkText";
import type { WithheldFactsFragment } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { inboxPath } from "../views";
import styles from "./Identity.module.css";

type Props = {
  withheld: WithheldFactsFragment[];
  chosen: string | undefined;
  onChoose: (key: string) => void;
};

/** Links to other customers that are withheld. */
export function WithheldLinks({ withheld, chosen, onChoose }: Props) {
  const text = useText();
  const words = useLinkText();
  if (withheld.length === 0) return <p className="soft">{text.identity.noneWithheld}</p>;
  return (
    <ul className={styles.rows}>
      {withheld.map((held) => {
        const key = linkKey(held.link);
        return (
          <li key={key} className={key === chosen ? styles.current : undefined}>
            <div>
              <p>
                <CustomerNames a={held.link.a.unifiedId} b={held.link.b.unifiedId} />
              </p>
              <button
                type="button"
                className={styles.pick}
                aria-pressed={key === chosen}
                onClick={() => onChoose(key)}
              >
                <IdentifierName identifier={held.link.a} />
                <IdentifierName identifier={held.link.b} />
              </button>
              <p className={styles.heldWhy}>{words.withheldReason(held)}</p>
              <p className="soft small">{words.evidence(held.link)}</p>
            </div>
            <Link href={inboxPath(key)} className="button">
              {text.identity.toInbox}
            </Link>
          </li>
        );
      })}
    </ul>
  );
}
