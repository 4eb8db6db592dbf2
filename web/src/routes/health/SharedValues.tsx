import { Link } from "wouter";
import { IdentifierName } from "../../components/IdentifierName";
import type { HealthQuery } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { identityPath } from "../views";
import styles from "./Health.module.css";

/** Shared values, with the number of their withheld links. */
export function SharedValues({ values }: { values: HealthQuery["health"]["sharedValues"] }) {
  const text = useText();
  if (values.length === 0) return <p className="soft">{text.health.noneShared}</p>;
  return (
    <>
      <p className="soft">{text.health.sharedMeans}</p>
      <ul className={styles.list}>
        {values.map(({ identifier, withheld }) => (
          <li key={identifier.unifiedId} data-shared>
            <Link href={identityPath(identifier.unifiedId)}>
              <IdentifierName identifier={identifier} />
            </Link>
            <span className="soft">{text.health.notLinked(withheld)}</span>
          </li>
        ))}
      </ul>
      <p>
        <Link href="/inbox?reason=SHARED">{text.health.sharedInbox}</Link>
      </p>
    </>
  );
}
