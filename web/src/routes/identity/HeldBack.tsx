import { Link } from "wouter";
import { IdentifierName } from "../../components/IdentifierName";
import type { WithheldFactsFragment } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { CustomerNames } from "../../links/CustomerNames";
import { linkKey } from "../../links/key";
import { useLinkWords } from "../../links/words";
import { inboxPath } from "../views";
import styles from "./Identity.module.css";

type Props = {
  withheld: WithheldFactsFragment[];
  chosen: string | undefined;
  onChoose: (key: string) => void;
};

/** Links to other customers that were seen and not followed. */
export function HeldBack({ withheld, chosen, onChoose }: Props) {
  const text = useText();
  const words = useLinkWords();
  if (withheld.length === 0) return <p className="soft">{text.identity.noneHeldBack}</p>;
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
              <p className={styles.heldWhy}>{words.heldBack(held)}</p>
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
