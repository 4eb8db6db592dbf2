import { useEffect, useState } from "react";
import type { CombinedError } from "urql";
import { Dialog } from "../../components/Dialog";
import { IdentifierName } from "../../components/IdentifierName";
import { PreviewNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { ReasonForm } from "../../decisions/ReasonForm";
import { useDecisions } from "../../decisions/useDecisions";
import { dryRunClient } from "../../graphql/dryRun";
import {
  type LinkEndFragment,
  RetireDryRunDocument,
  type RetireDryRunMutation,
} from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useDebounced } from "../../useDebounced";
import type { Member } from "./graph";
import styles from "./Identity.module.css";
import { Parts } from "./Parts";
import { partOf, type RetirementResult, resultOf } from "./retirement";
import { SightingChart } from "./SightingChart";

type Props = {
  identifier: Member;
  /** The day that is suggested; today if not given. */
  suggestedDay?: string;
  onClose: () => void;
  /** Offered where the value stays with the customer. */
  onKeepSeparate: (owner: LinkEndFragment, other: LinkEndFragment) => void;
};
type Answer = { from: string; retired: RetireDryRunMutation["retireIdentifier"] };
type Done = { day: string; result: RetirementResult };

/** Marks a value that has a new owner, such as a recycled phone number: from a day on, it identifies the new owner. */
export function RetireDialog({ identifier, suggestedDay, onClose, onKeepSeparate }: Props) {
  const text = useText();
  const format = useFormat();
  const { retire } = useDecisions();
  const [day, setDay] = useState(suggestedDay ?? format.today());
  const [done, setDone] = useState<Done>();
  const [stale, setStale] = useState(false);
  const from = useDebounced(day && format.startOf(day), 200);
  const { answer, error, reload } = useDryRun(identifier, from);
  const preview = answer?.retired.preview;
  const result = preview && resultOf(identifier, preview);

  const confirm = async (reason: string) => {
    if (!from || !preview || !result) return false;
    const outcome = await retire({ identifier, from, reason, expectedRevision: preview.revision });
    if (outcome === "done") setDone({ day, result });
    setStale(outcome === "stale");
    if (outcome === "stale") reload();
    return outcome === "done";
  };
  if (done) {
    return (
      <Dialog title={text.identity.retiredResult} onClose={onClose}>
        <div className={styles.form} role="status">
          <p>
            <IdentifierName identifier={identifier} />
          </p>
          <Result done={done} onKeepSeparate={onKeepSeparate} />
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={text.identity.retireTitle} onClose={onClose}>
      <ReasonForm
        className={styles.form}
        confirm={text.identity.retireConfirm}
        often={text.identity.retireOften}
        disabled={!preview || answer?.from !== from}
        onConfirm={confirm}
      >
        <p>
          <IdentifierName identifier={identifier} />
        </p>
        <SightingChart identifier={identifier} day={day} onChoose={setDay} />
        <p className={styles.pair}>
          <label className={styles.date}>
            <span>{text.identity.retireFrom}</span>
            <input
              type="date"
              className="field"
              required
              value={day}
              onChange={(event) => setDay(event.target.value)}
            />
          </label>
          <span className="soft small">
            {text.identity.retireSeen(
              format.dateOf(identifier.firstSeenAt),
              format.dateOf(identifier.lastSeenAt),
            )}
          </span>
        </p>
        {stale && (
          <p className="amber" role="alert">
            {text.identity.stalePreview}
          </p>
        )}
        <div className={answer?.from === from ? undefined : styles.old} aria-live="polite">
          {error && <PreviewNotice error={error} onRetry={reload} />}
          {!answer && !error && from && <Skeleton width="60%" />}
          {answer && !preview && <p className="soft">{text.identity.alreadyRetired}</p>}
          {preview && result && (
            <>
              <Parts
                title={
                  result.result === "split"
                    ? text.identity.parts(preview.after.length)
                    : result.result === "stays"
                      ? text.identity.retireStays
                      : text.identity.retireStill
                }
                parts={preview.after.map(partOf)}
              />
              {preview.omitted > 0 && <p className="soft">{text.identity.omitted(preview.omitted)}</p>}
            </>
          )}
        </div>
        <p className="soft">{text.identity.retireMeans}</p>
      </ReasonForm>
    </Dialog>
  );
}

/** What a reassignment has done. */
function Result({ done: { day, result }, onKeepSeparate }: { done: Done } & Pick<Props, "onKeepSeparate">) {
  const text = useText();
  const format = useFormat();
  const date = format.date(day);
  if (result.result === "split") return <p data-result="split">{text.identity.retiredSplit(date)}</p>;
  if (result.result === "nothing") return <p data-result="nothing">{text.identity.retiredNothing(date)}</p>;
  const { owner, other, seenAt } = result;
  return (
    <>
      <p data-result="stays">{text.identity.retiredStays(date, format.dateOf(seenAt))}</p>
      {other && (
        <button type="button" className="button" onClick={() => onKeepSeparate(owner, other)}>
          {text.identity.keepSeparate}
        </button>
      )}
    </>
  );
}

/** What the server would do, as it would do it: messages of the past are on the server only. */
function useDryRun({ kind, value }: Member, from: string) {
  const [answer, setAnswer] = useState<Answer>();
  const [error, setError] = useState<CombinedError>();
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt asks again.
  useEffect(() => {
    if (!from) return;
    let current = true;
    // A dry run records no reason.
    const variables = { identifier: { kind, value }, from, reason: "-" };
    dryRunClient
      .mutation(RetireDryRunDocument, variables)
      .toPromise()
      .then(({ data, error: failure }) => {
        if (!current) return;
        setError(data ? undefined : failure);
        if (data) setAnswer({ from, retired: data.retireIdentifier });
      });
    return () => {
      current = false;
    };
  }, [kind, value, from, attempt]);
  return { answer, error, reload: () => setAttempt((count) => count + 1) };
}
