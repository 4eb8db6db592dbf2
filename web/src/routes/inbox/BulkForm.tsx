import { useRef } from "react";
import { ReasonForm } from "../../decisions/ReasonForm";
import { useDecisions } from "../../decisions/useDecisions";
import type { ReviewRowFragment } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import styles from "./Inbox.module.css";
import { useCaseText } from "./useCaseText";

type Props = { cases: ReviewRowFragment[]; onClear: () => void; onSettled: () => void };

/** One answer for several cases: all of their customers are kept separate, by one request with one undo. */
export function BulkForm({ cases, onClear, onSettled }: Props) {
  const text = useText();
  const { title } = useCaseText();
  const { resolve } = useDecisions();
  const field = useRef<HTMLInputElement>(null);
  const links = cases.reduce((sum, { openLinkCount }) => sum + openLinkCount, 0);
  return (
    <article className={styles.withheld}>
      <header className={styles.heading}>
        <h2>{text.inbox.selected(cases.length)}</h2>
        <p>
          <button type="button" className="button" onClick={onClear}>
            {text.inbox.clearSelection}
          </button>
        </p>
      </header>
      <ul className={styles.chosen}>
        {cases.map((row) => (
          <li key={row.id}>
            <bdi>{title(row)}</bdi>
          </li>
        ))}
      </ul>
      <div className={styles.decide}>
        <ReasonForm
          ref={field}
          className={styles.because}
          confirm={text.inbox.keepAllOf(cases.length)}
          often={text.decisions.differentOften}
          remember="CONTESTED DIFFERENT"
          onConfirm={async (reason) => {
            const answers = cases.map(({ id }) => ({ caseId: id, same: [], expectedRevision: null }));
            const done = await resolve(answers, reason, text.decisions.splitCases(cases.length));
            if (done) onSettled();
            return done;
          }}
        >
          <p className={styles.means}>{text.inbox.bulkMeans(links)}</p>
        </ReasonForm>
      </div>
    </article>
  );
}
