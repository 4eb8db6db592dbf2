import { useEffect, useState } from "react";
import type { CombinedError } from "urql";
import { PreviewNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { dryRunClient } from "../../graphql/dryRun";
import { RevokeDryRunDocument, type RevokeDryRunMutation } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { Parts } from "../identity/Parts";
import { partOf } from "../identity/retirement";

/** What reverting would make of the customers, as the server would do it. */
export function RevokePreview({ id }: { id: string }) {
  const text = useText();
  const [answer, setAnswer] = useState<RevokeDryRunMutation["revokeDecision"]>();
  const [error, setError] = useState<CombinedError>();
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt asks again.
  useEffect(() => {
    let current = true;
    // A dry run records no reason.
    dryRunClient
      .mutation(RevokeDryRunDocument, { id, reason: "-" })
      .toPromise()
      .then(({ data, error: failure }) => {
        if (!current) return;
        setAnswer(data?.revokeDecision);
        setError(data ? undefined : failure);
      });
    return () => {
      current = false;
    };
  }, [id, attempt]);
  if (error) return <PreviewNotice error={error} onRetry={() => setAttempt((count) => count + 1)} />;
  if (!answer) return <Skeleton width="60%" />;
  if (!answer.preview) return null;
  const { before, after, omitted } = answer.preview;
  return (
    <>
      <Parts
        title={
          after.length > before.length
            ? text.identity.parts(after.length)
            : text.identity.resultOf(after.length)
        }
        parts={after.map(partOf)}
      />
      {omitted > 0 && <p className="soft">{text.identity.omitted(omitted)}</p>}
    </>
  );
}
