import { useEffect, useRef, useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { ErrorNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import {
  type DecisionFactsFragment,
  ReviewCaseDocument,
  type ReviewCaseQuery,
  type ReviewRowFragment,
} from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { RoleGate } from "../../session/RoleGate";
import { useViewer } from "../../session/useViewer";
import { mergePath } from "../views";
import { ActiveDecision } from "./ActiveDecision";
import { type Answer, AnswerForm } from "./AnswerForm";
import { Comparison } from "./Comparison";
import styles from "./Inbox.module.css";
import { Score } from "./Score";
import { isolated, useCaseText } from "./useCaseText";

type Detail = NonNullable<ReviewCaseQuery["reviewCase"]>;
type Props = {
  row: ReviewRowFragment;
  answer: Answer | undefined;
  onAnswer: (answer: Answer | undefined) => void;
  onSettled: () => void;
  onReassigned: () => void;
  /** Whether the heading gets the focus: after a decision, so that a screen reader hears the next case. */
  focus: boolean;
  onFocused: () => void;
};

/** A case: the question, the score with its reasons, the customers side by side, and the answers. */
export function CaseDetail({ row, answer, onAnswer, onSettled, onReassigned, focus, onFocused }: Props) {
  const text = useText();
  const format = useFormat();
  const words = useCaseText();
  const viewer = useViewer();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!focus) return;
    heading.current?.focus({ preventScroll: true });
    onFocused();
  }, [focus, onFocused]);

  const [{ data, error }, reload] = useQuery({
    query: ReviewCaseDocument,
    variables: { by: { id: row.id } },
    requestPolicy: "cache-and-network",
  });
  const detail = data?.reviewCase?.id === row.id ? data.reviewCase : undefined;
  const people = detail?.customers ?? [];
  const [picked, setPicked] = useState<ReadonlySet<string>>();
  // Two customers are one person or not; of more, the two that the score compares are suggested.
  const suggested =
    people.length === 2 ? people.map(({ profile }) => profile.unifiedId) : (detail?.closest ?? []);
  const same = picked ?? new Set(suggested);
  const toggle = (unifiedId: string) => {
    const next = new Set(same);
    if (!next.delete(unifiedId)) next.add(unifiedId);
    setPicked(next);
  };
  const reasons = words.reasons(row);
  const chooses = answer === "SAME" && people.length > 2;
  return (
    <article className={styles.withheld}>
      <header className={styles.heading}>
        <h2 ref={heading} tabIndex={-1}>
          {words.title(row)}
        </h2>
        <p className="soft">
          {text.inbox.evidence(row.evidence, row.linkCount, format.relative(row.lastSeenAt))}
        </p>
        {row.score != null && (
          <div className={styles.match}>
            <Score score={row.score} />
            {detail && people.length > 2 && <p>{closestNames(detail, text.inbox.closest, text.unnamed)}</p>}
            <ul className={styles.signals} aria-label={text.inbox.whyScore}>
              {reasons.map(({ signal, points, words }) => (
                <li key={signal} data-against={points < 0 || undefined}>
                  {words} <span className="soft">{points > 0 ? `+${points}` : points}</span>
                </li>
              ))}
            </ul>
          </div>
        )}
        {row.kind === "SHARED" && <p className="soft">{text.inbox.sharedMeans}</p>}
        {row.kind === "BLOCKED" && <p className="soft">{text.inbox.blockedMeans}</p>}
      </header>
      {error && !detail && (
        <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />
      )}
      {!detail && !error && <ComparisonSkeleton />}
      {detail && people.length > 0 && (
        <Comparison
          people={people}
          signals={row.reasons.map(({ signal }) => signal)}
          masked={viewer?.seesPersonalData === false}
          value={row.value}
          same={chooses ? same : undefined}
          onSame={toggle}
        />
      )}
      {detail && row.kind !== "SHARED" && people.length === 2 && (
        <p>
          <Link href={mergePath(people.map(({ profile }) => profile.unifiedId))}>{text.inbox.preview}</Link>
        </p>
      )}
      {detail && detail.kind !== "BLOCKED" && (
        <RoleGate needs="decide">
          {detail.kind === "SETTLED" ? (
            decisionsOf(detail).map((decision) => (
              <ActiveDecision key={decision.id} decision={decision} onSettled={onSettled} />
            ))
          ) : (
            <AnswerForm
              detail={detail}
              same={same}
              answer={answer}
              onAnswer={onAnswer}
              onSettled={onSettled}
              onReassigned={onReassigned}
            />
          )}
        </RoleGate>
      )}
    </article>
  );
}

/** The decisions that settle a case; those that were made together are revoked together, so each shows once. */
function decisionsOf({ customers }: Detail): DecisionFactsFragment[] {
  const found = customers.flatMap(({ links }) => links.flatMap(({ link }) => link.decision ?? []));
  const together = new Map(
    found.map((decision) => [`${decision.at} ${decision.actor} ${decision.reason}`, decision]),
  );
  return [...together.values()];
}

function closestNames(
  { customers, closest }: Detail,
  say: (a: string, b: string) => string,
  unnamed: string,
): string {
  const [a = unnamed, b = unnamed] = closest.map(
    (id) => customers.find(({ profile }) => profile.unifiedId === id)?.profile.basic.name ?? unnamed,
  );
  return say(isolated(a), isolated(b));
}

function ComparisonSkeleton() {
  return (
    <div className={styles.expected} aria-hidden="true">
      {["80%", "70%", "75%", "60%", "72%", "65%"].map((width) => (
        <Skeleton key={width} width={width} />
      ))}
    </div>
  );
}
