import { lazy, Suspense, useEffect, useRef } from "react";
import { ReasonForm } from "../../decisions/ReasonForm";
import { useDecisions } from "../../decisions/useDecisions";
import type { ReviewCaseQuery } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Inbox.module.css";
import { isolated, useCaseText } from "./useCaseText";

const RetireDialog = lazy(() =>
  import("../identity/RetireDialog").then(({ RetireDialog }) => ({ default: RetireDialog })),
);

/** All are different customers, some are one person, or the value has another owner from a day on. */
export type Answer = "DIFFERENT" | "SAME" | "REASSIGNED";

/** Those that are given with a reason alone. */
type Given = Exclude<Answer, "REASSIGNED">;

type Props = {
  detail: NonNullable<ReviewCaseQuery["reviewCase"]>;
  /** The customers who are one person. */
  same: ReadonlySet<string>;
  answer: Answer | undefined;
  onAnswer: (answer: Answer | undefined) => void;
  onSettled: () => void;
  /** After the dialog of a reassignment: it may have changed the case. */
  onReassigned: () => void;
};

const keys: Record<Answer, string> = { SAME: "S", DIFFERENT: "D", REASSIGNED: "R" };
/** The most links that the server decides about at once. */
const mostLinks = 200;

/** The answers to a case, each with a reason. One answer is one request, and one undo. */
export function AnswerForm({ detail, same, answer, onAnswer, onSettled, onReassigned }: Props) {
  const text = useText();
  const format = useFormat();
  const { who } = useCaseText();
  const { resolve } = useDecisions();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (answer) field.current?.focus();
  }, [answer]);

  const isShared = detail.kind === "SHARED";
  if (detail.linkCount > mostLinks) return <p className={styles.decide}>{text.inbox.tooManyLinks}</p>;
  const people = detail.customers;
  const several = people.length > 2;
  const labels: Record<Answer, string> = {
    SAME: several ? text.inbox.somePerson : text.decisions.same,
    DIFFERENT: isShared ? text.inbox.storeDevice : several ? text.inbox.keepAll : text.decisions.different,
    REASSIGNED: text.inbox.reassigned,
  };
  const offered: Answer[] = isShared ? ["DIFFERENT"] : ["SAME", "DIFFERENT", "REASSIGNED"];
  const names = people
    .filter(({ profile }) => same.has(profile.unifiedId))
    .map(({ profile }) => profile.basic.name);
  const joined = names.map((name) => isolated(name ?? text.unnamed));

  const give = async (reason: string) => {
    const settled = await resolve(
      [
        {
          caseId: detail.id,
          same: answer === "SAME" ? [...same] : [],
          expectedRevision: detail.revision,
        },
      ],
      reason,
      answer === "SAME"
        ? text.decisions.joinedOf(format.list(joined))
        : isShared
          ? text.decisions.markedShared
          : text.decisions.splitOf(who(detail)),
    );
    return settled;
  };
  const often: Record<Given, readonly string[]> = {
    SAME: text.decisions.sameOften,
    DIFFERENT: isShared ? text.inbox.sharedOften : text.decisions.differentOften,
  };
  const confirm: Record<Given, string> = {
    SAME: several ? text.inbox.mergeSome(same.size) : text.decisions.confirmSame,
    DIFFERENT: isShared ? text.inbox.storeDevice : text.decisions.confirmDifferent,
  };
  const means: Record<Given, string> = {
    SAME: several ? text.inbox.someMeans : text.decisions.sameMeans,
    DIFFERENT: text.decisions.differentMeans,
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape cancels from any of its fields.
    <div
      className={styles.decide}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.nativeEvent.isComposing || !answer) return;
        onAnswer(undefined);
        document.getElementById("content")?.focus({ preventScroll: true });
      }}
    >
      <div className={styles.choices}>
        {offered.map((value) => (
          <button
            key={value}
            type="button"
            className={styles.choice}
            aria-pressed={answer === value}
            aria-keyshortcuts={keys[value]}
            onClick={() => onAnswer(answer === value ? undefined : value)}
          >
            {labels[value]}
            <span className={styles.key} aria-hidden="true">
              {keys[value]}
            </span>
          </button>
        ))}
        <p className={styles.keys} aria-hidden="true">
          {text.inbox.keys}
        </p>
      </div>
      {answer === "REASSIGNED" && offered.includes(answer) && (
        <Suspense fallback={null}>
          <RetireDialog
            identifier={detail.value}
            suggestedDay={lastClaim(detail, format.isoDay)}
            onClose={() => {
              onAnswer(undefined);
              onReassigned();
            }}
            onKeepSeparate={() => onAnswer("DIFFERENT")}
          />
        </Suspense>
      )}
      {answer && answer !== "REASSIGNED" && offered.includes(answer) && (
        <ReasonForm
          key={answer}
          ref={field}
          className={styles.because}
          confirm={confirm[answer]}
          often={often[answer]}
          remember={`${detail.kind} ${answer}`}
          disabled={answer === "SAME" && same.size < (detail.customers.some((one) => one.holdsValue) ? 2 : 1)}
          onConfirm={async (reason) => {
            const done = await give(reason);
            if (done) onSettled();
            return done;
          }}
        >
          <p className={styles.means}>{means[answer]}</p>
        </ReasonForm>
      )}
    </div>
  );
}

/** The day on which the last customer was first seen with the value: then it may have changed hands. */
function lastClaim(detail: Props["detail"], dayOf: (at: string) => string): string {
  const first = detail.customers.map(({ links }) => links.map(({ link }) => link.firstSeenAt).sort()[0]);
  const last = first
    .filter((at) => at !== undefined)
    .sort()
    .at(-1);
  return dayOf(last ?? new Date().toISOString());
}
