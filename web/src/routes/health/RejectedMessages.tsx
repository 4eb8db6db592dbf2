import { Time } from "../../components/Time";
import type { HealthQuery } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Health.module.css";

/** Why messages were rejected, the most frequent reason first; each opens where the last ones were faulty. */
export function RejectedMessages({ refused }: { refused: HealthQuery["health"]["refused"] }) {
  const text = useText();
  const format = useFormat();
  if (refused.length === 0) return <p className="soft">{text.health.noneRefused}</p>;
  return (
    <ul className={styles.codes}>
      {refused.map(({ code, count, latest }) => (
        <li key={code} data-refused={code}>
          <details>
            <summary>
              <span>
                {text.health.refusals[code] ?? code} <span className="mono soft">{code}</span>
              </span>
              <span>{format.number(count)}</span>
            </summary>
            {latest.length === 0 ? (
              <p className="soft small">{text.health.noLatest}</p>
            ) : (
              <>
                <p className="soft small">{text.health.latest(latest.length)}</p>
                <ol className={styles.places}>
                  {latest.map(({ at, path, sender }, position) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: two of one moment may be alike, and the list is replaced as a whole.
                    <li key={position} data-path={path}>
                      <span className="mono">{path || text.health.wholeMessage}</span>
                      <span className="soft">{sender}</span>
                      <Time at={at} />
                    </li>
                  ))}
                </ol>
              </>
            )}
          </details>
        </li>
      ))}
    </ul>
  );
}
