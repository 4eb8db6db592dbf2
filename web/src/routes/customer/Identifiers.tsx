import { Link } from "wouter";
import { KindIcon } from "../../components/KindIcon";
import { Time } from "../../components/Time";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { identityPath } from "../views";
import type { Profile } from "./Customer";
import styles from "./Table.module.css";

const spoken = new Set(["phone", "email"]);

type Props = { identifiers: Profile["identifiers"]; unifiedId: string };

export function Identifiers({ identifiers, unifiedId }: Props) {
  const text = useText();
  const format = useFormat();
  return (
    <>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{text.kind}</th>
            <th scope="col">{text.value}</th>
            <th scope="col">{text.firstSeen}</th>
            <th scope="col">{text.lastSeen}</th>
            <th scope="col">{text.sources}</th>
          </tr>
        </thead>
        <tbody>
          {identifiers.map(({ kind, value, firstSeenAt, lastSeenAt, sources, shared, retiredAt }) => (
            <tr key={`${kind} ${value} ${firstSeenAt}`}>
              <td>
                <span className={styles.kind}>
                  <KindIcon kind={kind} />
                  <span className={styles.capital}>{format.kind(kind)}</span>
                </span>
              </td>
              <td className={styles.wide}>
                <span className={spoken.has(kind) ? undefined : "mono"}>
                  {format.identifier(kind, value)}
                </span>
                {shared && (
                  <span className={styles.mark} title={text.sharedHelp}>
                    {text.shared}
                  </span>
                )}
                {retiredAt && <span className={styles.mark}>{text.retired(format.exact(retiredAt))}</span>}
              </td>
              <td data-label={text.firstSeen}>
                <Time at={firstSeenAt} />
              </td>
              <td data-label={text.lastSeen}>
                <Time at={lastSeenAt} />
              </td>
              <td className={styles.short} data-label={text.sources}>
                {sources.join(", ")}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        <Link href={identityPath(unifiedId)}>{text.identity.fromCard}</Link>
      </p>
    </>
  );
}
