import { useState } from "react";
import { type CombinedError, useClient } from "urql";
import { Link } from "wouter";
import { ErrorNotice } from "../../components/Notice";
import { SimulatePolicyDocument, type SimulatePolicyQuery } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import type { PolicyDocument } from "../../rules/preview";
import { identityPath } from "../views";
import styles from "./Policy.module.css";

type Outcome = { of: PolicyDocument; simulation: SimulatePolicyQuery["simulatePolicy"] };

/** Simulates the draft on all messages, on the server; nothing changes. */
export function PreviewOnAllCustomers({ draft, from }: { draft: PolicyDocument; from: number }) {
  const text = useText();
  const client = useClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<CombinedError>();
  const [outcome, setOutcome] = useState<Outcome>();
  const run = async () => {
    setBusy(true);
    const variables = { policy: { from, document: draft } };
    const answer = await client.query(SimulatePolicyDocument, variables, { requestPolicy: "network-only" });
    setBusy(false);
    setError(answer.error);
    setOutcome(answer.data && { of: draft, simulation: answer.data.simulatePolicy });
  };
  const { simulation } = outcome ?? {};
  return (
    <section className={styles.try}>
      <h3>{text.policy.tryEveryone}</h3>
      <button type="button" className="button" disabled={busy} onClick={run}>
        {busy ? text.policy.trying : text.policy.tryIt}
      </button>
      {error && <ErrorNotice error={error} onRetry={run} />}
      {simulation && (
        <div data-simulated aria-live="polite">
          {outcome?.of !== draft && <p className="amber">{text.policy.ofEarlierDraft}</p>}
          <p>{text.policy.simulated(simulation.profilesBefore, simulation.profilesAfter)}</p>
          <p className="soft">{text.policy.moving(simulation.merging, simulation.splitting)}</p>
          {simulation.samples.length > 0 && (
            <details>
              <summary>{text.policy.samples(simulation.samples.length)}</summary>
              <ul>
                {simulation.samples.map(({ before, after }) => (
                  <li key={before.join()}>
                    {before.map((id) => (
                      <Link key={id} href={identityPath(id)} className={`${styles.name} mono`}>
                        {id.slice(0, 8)}
                      </Link>
                    ))}
                    <span className="soft"> {text.policy.becomes(before.length, after.length)}</span>
                  </li>
                ))}
              </ul>
            </details>
          )}
        </div>
      )}
    </section>
  );
}
