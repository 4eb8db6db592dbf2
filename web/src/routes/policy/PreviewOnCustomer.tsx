import { useState } from "react";
import { Link } from "wouter";
import { useAnswer } from "../../facts/useAnswer";
import { useFacts } from "../../facts/useFacts";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { PolicyDocument } from "../../rules/preview";
import { RulesError } from "../../rules/RulesError";
import { Picker } from "../merge/Picker";
import { identityPath } from "../views";
import styles from "./Policy.module.css";

/** Previews the draft on one customer and its neighbors; the module computes it at every change. */
export function PreviewOnCustomer({ draft }: { draft: PolicyDocument }) {
  const text = useText();
  const format = useFormat();
  const [picked, setPicked] = useState<string[]>([]);
  const { loaded, error: unread } = useFacts(picked);
  const { answer, error } = useAnswer(picked.length ? loaded : undefined, "policyPreview", {
    document: draft,
    figures: { asOf: format.today() },
  });
  const nameOf = (unifiedId: string) =>
    [...(answer?.before ?? []), ...(answer?.after ?? [])].find((profile) => profile.unifiedId === unifiedId)
      ?.basic.name ?? unifiedId.slice(0, 8);
  return (
    <section className={styles.try}>
      <h3>{text.policy.tryCustomer}</h3>
      <Picker picked={picked} onPick={(ids) => setPicked(ids.slice(-1))} />
      {unread && <p className="amber">{text.errorUnreachable}</p>}
      {error && (
        <div className="amber">
          <p>{error.message}</p>
          {error instanceof RulesError && (
            <ul>
              {error.faults.map(({ path, detail }) => (
                <li key={path}>
                  {path}: {detail}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      {picked.length > 0 && answer && (
        <div data-tried aria-live="polite">
          {answer.changes.length === 0 && <p className="soft">{text.policy.noChange}</p>}
          <ul>
            {answer.changes.map(({ before, after }) => (
              <li key={before.join()}>
                {before.map((id) => (
                  <Link key={id} href={identityPath(id)} className={styles.name}>
                    {nameOf(id)}
                  </Link>
                ))}
                <span className="soft"> {text.policy.becomes(before.length, after.length)}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
