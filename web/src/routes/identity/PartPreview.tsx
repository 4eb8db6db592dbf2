import { Avatar } from "../../components/Avatar";
import { IdentifierName } from "../../components/IdentifierName";
import { useAnswer } from "../../facts/useAnswer";
import type { LoadedFacts } from "../../facts/useFacts";
import type { LinkEndFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { asInput } from "../../links/key";
import styles from "./Identity.module.css";

type Props = { loaded: LoadedFacts | undefined; a: LinkEndFragment; b: LinkEndFragment };

/** The customers that there would be, each with what it would hold: answered in the page. */
export function PartPreview({ loaded, a, b }: Props) {
  const text = useText();
  const format = useFormat();
  const { answer, error } = useAnswer(loaded, "unmergePreview", {
    change: { different: { a: asInput(a), b: asInput(b) } },
    figures: { asOf: format.today() },
  });
  if (error) return <p className={styles.amber}>{text.merge.cannotPreview(error.message)}</p>;
  if (!answer) return null;
  if (answer.status === "CONTRADICTED") {
    return (
      <p className={styles.amber}>
        {text.merge.contradicted} {format.list(answer.contradictions.map(({ reason }) => reason))}
      </p>
    );
  }
  return (
    <div className={styles.parts} data-parts={answer.after.length}>
      <p>{text.identity.parts(answer.before.length, answer.after.length)}</p>
      <ul>
        {answer.after.map(({ unifiedId, basic, identifiers, activity, purchases }) => {
          const year = purchases.windows.find(({ months }) => months === 12);
          return (
            <li key={unifiedId}>
              <p className={styles.part}>
                <Avatar avatar={basic.avatar} />
                <b>{basic.name ?? text.unnamed}</b>
                <span className="mono soft">{unifiedId.slice(0, 8)}</span>
              </p>
              <ul>
                {identifiers.map((identifier) => (
                  <li key={identifier.unifiedId}>
                    <IdentifierName identifier={identifier} />
                  </li>
                ))}
              </ul>
              <p className="soft small">
                {text.identity.partFigures(
                  activity.eventCount,
                  year?.count ?? 0,
                  format.money(year?.amount ?? "0", purchases.currency),
                )}
              </p>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
