import type { HealthQuery } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Health.module.css";

/** Why messages were rejected, the most frequent reason first. */
export function RejectedMessages({ refused }: { refused: HealthQuery["health"]["refused"] }) {
  const text = useText();
  const format = useFormat();
  if (refused.length === 0) return <p className="soft">{text.health.noneRefused}</p>;
  return (
    <ul className={styles.list}>
      {refused.map(({ code, count }) => (
        <li key={code} data-refused={code}>
          <span>
            {text.health.refusals[code] ?? code} <span className="mono soft">{code}</span>
          </span>
          <span>{format.number(count)}</span>
        </li>
      ))}
    </ul>
  );
}
