import { Avatar } from "../../components/Avatar";
import { IdentifierName } from "../../components/IdentifierName";
import { Skeleton } from "../../components/Skeleton";
import { useAnswer } from "../../facts/useAnswer";
import type { LoadedFacts } from "../../facts/useFacts";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { Change } from "../../rules/preview";
import { RulesError } from "../../rules/RulesError";
import styles from "./Identity.module.css";

type Props = {
  loaded: LoadedFacts | undefined;
  change: Change;
  /** The text if the change would split no customer. */
  same: string;
};

/** The customers after a change, each with its identifiers; the module computes them. */
export function ChangePreview({ loaded, change, same }: Props) {
  const text = useText();
  const format = useFormat();
  const { answer, error } = useAnswer(loaded, "unmergePreview", {
    change,
    figures: { asOf: format.today() },
  });
  if (error instanceof RulesError && error.code === "NEEDS_MESSAGES")
    return (
      <p className="amber" data-needs-messages>
        {text.identity.needsMessages}
      </p>
    );
  if (error) return <p className="amber">{text.merge.cannotPreview(error.message)}</p>;
  if (!answer) return <Skeleton width="60%" />;
  if (answer.status === "CONTRADICTED") {
    return (
      <p className="amber">
        {text.merge.contradicted} {format.list(answer.contradictions.map(({ reason }) => reason))}
      </p>
    );
  }
  return (
    <div className={styles.parts} data-parts={answer.after.length}>
      <p>{answer.after.length > answer.before.length ? text.identity.parts(answer.after.length) : same}</p>
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
