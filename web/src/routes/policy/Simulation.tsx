import type { CombinedError } from "urql";
import type { SimulatePolicyQuery } from "../../graphql/generated/graphql";
import { useErrorText } from "../../language/errorText";
import { useText } from "../../language/language";
import type { PolicyDocument } from "../../rules/preview";
import { ChangeList } from "./ChangeList";
import styles from "./Policy.module.css";
import { ofSimulation } from "./regrouping";

export type Simulated = SimulatePolicyQuery["simulatePolicy"];
/** A simulation, and the document that it is of. */
export type Outcome = { of: PolicyDocument; simulation?: Simulated; error?: CombinedError };

type Props = {
  outcome: Outcome | undefined;
  /** Whether the outcome is that of the present draft. */
  current: boolean;
  busy: boolean;
  disabled: boolean;
  onRun: () => void;
};

/** The draft on all messages, computed by the server; nothing changes. */
export function Simulation({ outcome, current, busy, disabled, onRun }: Props) {
  const text = useText();
  const errorText = useErrorText();
  const { simulation, error } = outcome ?? {};
  return (
    <section className={styles.try}>
      <h3>{text.policy.tryEveryone}</h3>
      <button type="button" className="button" disabled={busy || disabled} onClick={onRun}>
        {busy ? text.policy.trying : text.policy.tryIt}
      </button>
      {error && (
        <p className="amber" role="alert">
          {errorText(error)}.
        </p>
      )}
      {outcome && simulation && (
        <div className={styles.outcome} data-simulated aria-live="polite">
          {!current && <p className="amber">{text.policy.ofEarlierDraft}</p>}
          <Effect simulation={simulation} />
          {simulation.samples.length > 0 && (
            <details open={simulation.samples.length < 4}>
              <summary>{text.policy.samples(simulation.samples.length)}</summary>
              <ChangeList changes={simulation.samples.map(ofSimulation)} document={outcome.of} />
            </details>
          )}
        </div>
      )}
    </section>
  );
}

/** `300 → 317 customers. 18 splits, 1 merge. Affects 1,204 of 9,501 messages.` */
export function Effect({ simulation }: { simulation: Simulated }) {
  const text = useText();
  return (
    <>
      <p>
        <b>{text.policy.simulated(simulation.profilesBefore, simulation.profilesAfter)}</b>
      </p>
      <p className="soft">
        {text.policy.moving(simulation.merging, simulation.splitting)}{" "}
        {text.policy.affects(simulation.messagesAffected, simulation.messages)}
      </p>
    </>
  );
}
