import { useMemo, useState } from "react";
import { useQuery } from "urql";
import { Dialog } from "../../components/Dialog";
import { IdentifierName } from "../../components/IdentifierName";
import { ErrorNotice } from "../../components/Notice";
import { isSameEnd } from "../../decisions/linkKey";
import { RevokeForm } from "../../decisions/RevokeForm";
import { type RetirementFactsFragment, RetirementsDocument } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Identity.module.css";

/** Values of this customer that had another owner before or since, newest first; each can be revoked. */
export function Retirements({ identifiers }: { identifiers: { kind: string; value: string }[] }) {
  const text = useText();
  const format = useFormat();
  // An empty list has no type name, so the cache would miss the first retirement.
  const context = useMemo(() => ({ additionalTypenames: ["Retirement"] }), []);
  const [{ data, error }, reload] = useQuery({
    query: RetirementsDocument,
    context,
    requestPolicy: "cache-and-network",
  });
  const [taking, setTaking] = useState<RetirementFactsFragment>();
  if (error && !data)
    return <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />;
  const own = data?.retirements.filter((retired) => identifiers.some((each) => isSameEnd(each, retired)));
  return (
    <>
      {own?.length === 0 && <p className="soft">{text.identity.noRetirements}</p>}
      <ul className={styles.rows}>
        {own?.map((retired) => (
          <li key={retired.id} className={retired.revokedAt ? styles.revoked : undefined} data-retirement>
            <div>
              <p className={styles.pair}>
                <IdentifierName identifier={retired} />
                <b>{text.identity.retiredFrom(format.dateOf(retired.from))}</b>
              </p>
              <p>{retired.reason}</p>
              <p className="soft small" title={format.exact(retired.at)}>
                {text.identity.decidedBy(retired.actor, format.relative(retired.at))}
                {retired.revokedAt &&
                  ` ${text.identity.revokedBy(retired.revokedBy ?? "", format.relative(retired.revokedAt))}`}
              </p>
            </div>
            {!retired.revokedAt && (
              <button type="button" className="button" onClick={() => setTaking(retired)}>
                {text.decisions.revoke}
              </button>
            )}
          </li>
        ))}
      </ul>
      {taking && (
        <Dialog title={text.identity.unretireTitle} onClose={() => setTaking(undefined)}>
          <RevokeForm id={taking.id} onDone={() => setTaking(undefined)} primary className={styles.form}>
            <p className={styles.pair}>
              <IdentifierName identifier={taking} />
              {text.identity.retiredFrom(format.dateOf(taking.from))}
            </p>
            <p className="soft">{text.identity.unretireMeans}</p>
          </RevokeForm>
        </Dialog>
      )}
    </>
  );
}
