import { Undo2 } from "lucide-react";
import { Fragment, useState } from "react";
import { Link } from "wouter";
import { Dialog } from "../../components/Dialog";
import { IdentifierName } from "../../components/IdentifierName";
import { Name } from "../../components/Name";
import { RevokeForm } from "../../decisions/RevokeForm";
import type { ActionFactsFragment, NamedCustomerFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useMay } from "../../session/useMay";
import { customerPath } from "../views";
import styles from "./Activity.module.css";
import { RevokePreview } from "./RevokePreview";

/** What an operator did: with which customers, why, when, and whether it still holds. */
export function ActionItem({ action }: { action: ActionFactsFragment }) {
  const text = useText();
  const format = useFormat();
  const { kind, actor, at, reason, revokedAt, revokedBy, customers, decisions, retirement } = action;
  return (
    <li className={styles.entry} data-action={kind} data-revoked={revokedAt ? "" : undefined}>
      <div className={styles.what}>
        <p className={styles.title}>
          <b className={revokedAt ? styles.undone : undefined}>{text.activity.kinds[kind]}</b>
          {kind === "PUBLISHED" && (
            <Link href="/policy">{text.activity.published(action.policyVersion ?? 0)}</Link>
          )}
          {retirement && (
            <>
              <IdentifierName identifier={retirement} />
              <span className="soft">{text.activity.reassignedFrom(format.dateOf(retirement.from))}</span>
            </>
          )}
          <CustomersOf customers={customers} />
        </p>
        <p>“{reason}”</p>
        <p className="soft small">
          <bdi>{actor}</bdi> · <When at={at} />
          {revokedAt && (
            <>
              {" · "}
              {text.activity.reverted(revokedBy ?? "")} <When at={revokedAt} />
            </>
          )}
        </p>
        {decisions.length > 0 && (
          <details className="small">
            <summary className="soft">{text.activity.details(decisions.length)}</summary>
            <ul className={styles.pairs}>
              {decisions.map(({ id, a, b }) => (
                <li key={id}>
                  <IdentifierName identifier={a} />
                  <IdentifierName identifier={b} />
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
      {!revokedAt && kind !== "PUBLISHED" && <UndoButton id={action.id} reason={reason} kind={kind} />}
    </li>
  );
}

type UndoProps = { id: string; reason: string; kind: ActionFactsFragment["kind"] };

/** Reverts a decision or a retirement after a look at what that changes; not offered to a role that may not. */
export function UndoButton({ id, reason, kind }: UndoProps) {
  const text = useText();
  const may = useMay();
  const [asking, setAsking] = useState(false);
  const isRetirement = kind === "REASSIGNED";
  if (!may.decide) return null;
  return (
    <>
      <button type="button" className="button" onClick={() => setAsking(true)}>
        <Undo2 size={14} aria-hidden />
        {text.activity.undo}
      </button>
      {asking && (
        <Dialog
          title={isRetirement ? text.identity.unretireTitle : text.identity.revokeTitle}
          onClose={() => setAsking(false)}
        >
          <RevokeForm id={id} onDone={() => setAsking(false)} primary className={styles.form}>
            <p>
              {text.activity.kinds[kind]}: “{reason}”
            </p>
            <RevokePreview id={id} />
            <p className="soft">{isRetirement ? text.identity.unretireMeans : text.identity.revokeMeans}</p>
          </RevokeForm>
        </Dialog>
      )}
    </>
  );
}

/** Customers: the names that they had, each with its short ID. */
export function CustomersOf({
  customers,
  sign = "+",
}: {
  customers: NamedCustomerFragment[];
  sign?: string;
}) {
  return customers.map(({ unifiedId, name }, position) => (
    <Fragment key={unifiedId}>
      {position > 0 && (
        <span className="soft" aria-hidden="true">
          {sign}
        </span>
      )}
      <Link href={customerPath(unifiedId)} title={unifiedId} className={styles.customer}>
        <Name name={name} /> <span className="mono soft">{unifiedId.slice(0, 8)}</span>
      </Link>
    </Fragment>
  ));
}

/** A relative time as wide as its text, with the exact one as its title. */
export function When({ at }: { at: string }) {
  const format = useFormat();
  return (
    <time dateTime={at} title={format.exact(at)} className={styles.when}>
      {format.relative(at)}
    </time>
  );
}
