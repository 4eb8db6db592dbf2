import { Avatar } from "../../components/Avatar";
import { IdentifierName } from "../../components/IdentifierName";
import { Name } from "../../components/Name";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Identity.module.css";

/** A customer as it is or would be, of the module's answer or the server's. */
export type Part = {
  unifiedId: string;
  basic: { name?: string | null; avatar: { letter: string; color: string } };
  identifiers: { kind: string; value: string; unifiedId: string; retiredAt?: string | null }[];
  eventCount: number;
  currency: string;
  windows: { months: number; count: number; amount: string }[];
};

/** The customers that a change results in, each with its identifiers. */
export function Parts({ title, parts }: { title: string; parts: Part[] }) {
  const text = useText();
  const format = useFormat();
  return (
    <div className={styles.parts} data-parts={parts.length}>
      <p>{title}</p>
      <ul>
        {parts.map(({ unifiedId, basic, identifiers, eventCount, currency, windows }) => {
          const year = windows.find(({ months }) => months === 12);
          return (
            <li key={unifiedId}>
              <p className={styles.part}>
                <Avatar avatar={basic.avatar} />
                <b>
                  <Name name={basic.name} />
                </b>
                <span className="mono soft">{unifiedId.slice(0, 8)}</span>
              </p>
              <ul>
                {identifiers.map((identifier) => (
                  <li key={identifier.unifiedId} className={styles.pair}>
                    <IdentifierName identifier={identifier} />
                    {identifier.retiredAt && (
                      <span className="soft small">
                        {text.identity.retiredFrom(format.dateOf(identifier.retiredAt))}
                      </span>
                    )}
                  </li>
                ))}
              </ul>
              <p className="soft small">
                {text.identity.partFigures(
                  eventCount,
                  year?.count ?? 0,
                  format.money((year?.amount ?? "0") as `${number}`, currency),
                )}
              </p>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
