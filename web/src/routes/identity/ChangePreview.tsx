import { PreviewNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { useAnswer } from "../../facts/useAnswer";
import type { LoadedFacts } from "../../facts/useFacts";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { Change, ProfileView } from "../../rules/preview";
import { type Part, Parts } from "./Parts";

type Props = {
  loaded: LoadedFacts | undefined;
  change: Change;
  /** The text if the change would split no customer. */
  same: string;
  /** Why the facts are missing. */
  unread: Error | undefined;
  onRetry: () => void;
};

/** The customers after a change, each with its identifiers; the module computes them. */
export function ChangePreview({ loaded, change, same, unread, onRetry }: Props) {
  const text = useText();
  const format = useFormat();
  const { answer, error: unanswered } = useAnswer(loaded, "unmergePreview", {
    change,
    figures: { asOf: format.today() },
  });
  const error = unanswered ?? (loaded ? undefined : unread);
  if (error) return <PreviewNotice error={error} onRetry={onRetry} />;
  if (!answer) return <Skeleton width="60%" />;
  if (answer.status === "CONTRADICTED") {
    return (
      <p className="amber">
        {text.merge.contradicted} {format.list(answer.contradictions.map(({ reason }) => reason))}
      </p>
    );
  }
  const isSplit = answer.after.length > answer.before.length;
  return (
    <Parts
      title={isSplit ? text.identity.parts(answer.after.length) : same}
      parts={answer.after.map(partOf)}
    />
  );
}

const partOf = ({ unifiedId, basic, identifiers, activity, purchases }: ProfileView): Part => ({
  unifiedId,
  basic,
  identifiers,
  eventCount: activity.eventCount,
  currency: purchases.currency,
  windows: purchases.windows,
});
