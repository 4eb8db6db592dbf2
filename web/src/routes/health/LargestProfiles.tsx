import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import { Bar } from "../../components/Bar";
import type { LargeFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { customerPath, identityPath } from "../views";
import styles from "./Health.module.css";

type Props = { byIdentifiers: LargeFragment[]; byEvents: LargeFragment[] };

/** The customers with the most identifiers and events. One with far more than others is often several people. */
export function LargestProfiles({ byIdentifiers, byEvents }: Props) {
  const text = useText();
  return (
    <div className={styles.largest}>
      <Top title={text.identifiers} large={byIdentifiers} path={identityPath} />
      <Top title={text.events} large={byEvents} path={customerPath} />
    </div>
  );
}

type TopProps = { title: string; large: LargeFragment[]; path: (unifiedId: string) => string };

function Top({ title, large, path }: TopProps) {
  const text = useText();
  const format = useFormat();
  const most = Math.max(1, ...large.map(({ size }) => size));
  return (
    <div>
      <h3>{title}</h3>
      <ol className={styles.list} data-largest>
        {large.map(({ size, profile: { unifiedId, basic } }) => (
          <li key={unifiedId} data-size={size}>
            <Link href={path(unifiedId)} className={styles.who}>
              <Avatar avatar={basic.avatar} />
              <span>{basic.name ?? text.unnamed}</span>
            </Link>
            <span className={styles.size}>
              {format.number(size)}
              <Bar share={size / most} />
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}
