import { useState } from "react";
import { Link, useLocation } from "wouter";
import { Dialog } from "../../components/Dialog";
import { isolated } from "../../components/Name";
import { Notice, PreviewNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { ReasonForm } from "../../decisions/ReasonForm";
import { useDecisions } from "../../decisions/useDecisions";
import { useAnswer } from "../../facts/useAnswer";
import { useFacts } from "../../facts/useFacts";
import type { RankBy } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { MergePreview } from "../../rules/preview";
import { RoleGate, RoleNotice } from "../../session/RoleGate";
import { useMay } from "../../session/useMay";
import { useViewer } from "../../session/useViewer";
import { useTitle } from "../../useTitle";
import { customerPath, identityPath } from "../views";
import { ConfirmMerge } from "./ConfirmMerge";
import { Evidence } from "./Evidence";
import { Fields } from "./Fields";
import { Figures } from "./Figures";
import styles from "./Merge.module.css";
import { Picker } from "./Picker";
import { usePicked } from "./query";
import { StalePreview } from "./StalePreview";
import { Summary } from "./Summary";

/** Previews the merge of two or more customers field by field, and merges them. */
export function Merge() {
  const text = useText();
  useTitle(text.merge.title);
  const may = useMay();
  const viewer = useViewer();
  const { picked, pick, hasInvalid } = usePicked();
  return (
    <main id="content" tabIndex={-1} className="page flush">
      <header className={styles.head}>
        <h1>{text.merge.heading}</h1>
        <p className="soft">{text.merge.lead}</p>
      </header>
      <Picker picked={picked} onPick={pick} />
      {hasInvalid && (
        <p className="amber" role="alert" data-invalid-id>
          {text.merge.badId}
        </p>
      )}
      {viewer && !may.decide && <RoleNotice needs="decide" />}
      {picked.length < 2 ? (
        <p className={styles.hint}>{text.merge.pickMore}</p>
      ) : (
        <Preview key={picked.join()} picked={picked} />
      )}
    </main>
  );
}

function Preview({ picked }: { picked: string[] }) {
  const text = useText();
  const format = useFormat();
  const [, navigate] = useLocation();
  const may = useMay();
  const { merge } = useDecisions();
  const [by, setBy] = useState<RankBy>("UNITS");
  const [refused, setRefused] = useState<MergePreview>();
  const { loaded, error, reload } = useFacts(picked);
  const {
    answer,
    error: unanswered,
    revision,
  } = useAnswer(loaded, "mergePreview", {
    unifiedIds: picked,
    figures: { asOf: format.today(), by },
  });

  const confirm = async (reason: string) => {
    if (!answer || !revision) return false;
    const names = answer.before.map(({ basic }) => isolated(basic.name ?? text.unnamed));
    const outcome = await merge(picked, reason, revision, names);
    if (outcome.status === "merged") navigate(customerPath(outcome.unifiedId));
    if (outcome.status === "stale") {
      setRefused(answer);
      reload();
    }
    return outcome.status === "merged";
  };
  const missing = error ?? unanswered;
  if (missing && !answer) {
    return (
      <PreviewNotice error={missing} onRetry={reload}>
        {may.decide && <BlindMerge picked={picked} />}
      </PreviewNotice>
    );
  }
  if (!answer) return <Skeleton width="60%" />;
  if (answer.status === "NO_CHANGE") {
    return (
      <Notice title={text.merge.sameAlready}>
        <Link href={customerPath(picked[0] ?? "")}>{text.identity.openCustomer}</Link>
      </Notice>
    );
  }
  if (answer.status === "CONTRADICTED" || !answer.after) {
    return (
      <Notice title={text.merge.contradicted}>
        <ul>
          {answer.contradictions.map(({ key, reason, actor, at, a }) => (
            <li key={key}>
              <Link href={`${identityPath(a.unifiedId)}#decisions`}>{reason}</Link>{" "}
              <span>{text.identity.decidedBy(actor, format.relative(at))}</span>
            </li>
          ))}
        </ul>
      </Notice>
    );
  }
  return (
    <>
      {refused && <StalePreview before={refused} now={answer} />}
      <Summary preview={answer} after={answer.after} />
      <Evidence evidence={answer.evidence} />
      <Fields preview={answer} after={answer.after} />
      <Figures preview={answer} after={answer.after} by={by} onBy={setBy} />
      <RoleGate needs="decide" otherwise={null}>
        <ConfirmMerge
          customers={answer.before}
          contradictory={answer.evidence.contradictory}
          onConfirm={confirm}
        />
      </RoleGate>
    </>
  );
}

/** Merges without a preview, where there is none: what the server decides can be undone. */
function BlindMerge({ picked }: { picked: string[] }) {
  const text = useText();
  const [, navigate] = useLocation();
  const [open, setOpen] = useState(false);
  const { merge } = useDecisions();
  const confirm = async (reason: string) => {
    const outcome = await merge(picked, reason, null, []);
    if (outcome.status === "merged") navigate(customerPath(outcome.unifiedId));
    return outcome.status === "merged";
  };
  return (
    <>
      <button type="button" className="button" onClick={() => setOpen(true)}>
        {text.failures.withoutPreview}
      </button>
      {open && (
        <Dialog title={text.failures.withoutPreview} onClose={() => setOpen(false)}>
          <p className="soft">{text.merge.recorded}</p>
          <ReasonForm confirm={text.merge.confirm} often={text.decisions.sameOften} onConfirm={confirm} />
        </Dialog>
      )}
    </>
  );
}
