import { useState } from "react";
import { Dialog } from "../../components/Dialog";
import { IdentifierName } from "../../components/IdentifierName";
import { RevokeForm } from "../../decisions/RevokeForm";
import type { DecisionFactsFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Identity.module.css";
import type { useDecisionsAbout } from "./useDecisionsAbout";

/** Decisions about this customer, newest first; each can be revoked. */
export function DecisionList({ decisions }: { decisions: ReturnType<typeof useDecisionsAbout> }) {
  const text = useText();
  const format = useFormat();
  const [taking, setTaking] = useState<DecisionFactsFragment>();
  const { found, known, more } = decisions;
  return (
    <>
      {known && found.length === 0 && <p className="soft">{text.identity.noDecisions}</p>}
      <ul className={styles.rows}>
        {found.map((decision) => (
          <li key={decision.id} className={decision.revokedAt ? styles.revoked : undefined} data-decision>
            <div>
              <p>
                <b>{decision.relation === "SAME" ? text.decisions.same : text.decisions.different}</b>
                {": "}
                {decision.reason}
              </p>
              <p className={styles.pair}>
                <IdentifierName identifier={decision.a} />
                <IdentifierName identifier={decision.b} />
              </p>
              <p className="soft small" title={format.exact(decision.at)}>
                {text.identity.decidedBy(decision.actor, format.relative(decision.at))}
                {decision.revokedAt &&
                  ` ${text.identity.revokedBy(decision.revokedBy ?? "", format.relative(decision.revokedAt))}`}
              </p>
            </div>
            {!decision.revokedAt && (
              <button type="button" className="button" onClick={() => setTaking(decision)}>
                {text.decisions.revoke}
              </button>
            )}
          </li>
        ))}
      </ul>
      {more && <p className="soft small">{text.identity.newestDecisions}</p>}
      {taking && (
        <Dialog title={text.identity.revokeTitle} onClose={() => setTaking(undefined)}>
          <RevokeForm id={taking.id} onDone={() => setTaking(undefined)} primary className={styles.form}>
            <p>
              {taking.relation === "SAME" ? text.decisions.same : text.decisions.different}: {taking.reason}
            </p>
            <p className="soft">{text.identity.revokeMeans}</p>
          </RevokeForm>
        </Dialog>
      )}
    </>
  );
}
