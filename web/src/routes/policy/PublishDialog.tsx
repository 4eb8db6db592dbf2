import { useState } from "react";
import { type CombinedError, useMutation } from "urql";
import { Dialog } from "../../components/Dialog";
import { ReasonForm } from "../../decisions/ReasonForm";
import { PublishPolicyDocument } from "../../graphql/generated/graphql";
import { useErrorText } from "../../language/errorText";
import { useText } from "../../language/language";
import type { PolicyDocument } from "../../rules/preview";
import type { Change } from "./document";
import styles from "./Policy.module.css";
import { Effect, type Simulated } from "./Simulation";

type Props = {
  document: PolicyDocument;
  simulation: Simulated;
  changed: Change[];
  onPublished: (version: number) => void;
  onFailed: (error: CombinedError) => void;
  onClose: () => void;
};

/** Asks for the reason, next to the effect that the simulation of this very draft has shown. */
export function PublishDialog({ document, simulation, changed, onPublished, onFailed, onClose }: Props) {
  const text = useText();
  const [, publish] = useMutation(PublishPolicyDocument);
  const errorText = useErrorText();
  const [failure, setFailure] = useState<CombinedError>();
  const confirm = async (reason: string) => {
    const { data, error } = await publish({
      policy: { from: simulation.activeVersion, document },
      reason,
      expectedVersion: simulation.activeVersion,
    });
    if (data) {
      onPublished(data.publishPolicy.version);
      return true;
    }
    setFailure(error);
    if (error) onFailed(error);
    return false;
  };
  return (
    <Dialog title={text.policy.publishTitle} onClose={onClose}>
      <ReasonForm className={styles.publish} confirm={text.policy.publishIt} onConfirm={confirm}>
        <div data-effect>
          <Effect simulation={simulation} />
        </div>
        <Changes changed={changed} />
        <p className="soft">{text.policy.publishMeans}</p>
        {failure && (
          <p className="amber" role="alert">
            {errorText(failure)}.
          </p>
        )}
      </ReasonForm>
    </Dialog>
  );
}

export function Changes({ changed }: { changed: Change[] }) {
  return (
    <ul className={styles.changes} data-changes>
      {changed.map(({ key, what, from, to }) => (
        <li key={key}>
          {what}: {from && <span className="soft">{from} → </span>}
          <b>{to}</b>
        </li>
      ))}
    </ul>
  );
}
