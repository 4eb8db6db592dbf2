import { useState } from "react";
import { type CombinedError, useMutation } from "urql";
import { useToast } from "../../components/Toasts";
import { ReasonForm } from "../../decisions/ReasonForm";
import { PublishPolicyDocument } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import type { PolicyDocument } from "../../rules/preview";
import styles from "./Policy.module.css";

type Props = { draft: PolicyDocument; from: number; disabled: boolean; onPublished: () => void };

export function Publish({ draft, from, disabled, onPublished }: Props) {
  const text = useText();
  const toast = useToast();
  const [, publish] = useMutation(PublishPolicyDocument);
  const [error, setError] = useState<CombinedError>();
  const confirm = async (reason: string) => {
    const outcome = await publish({ policy: { from, document: draft }, reason });
    setError(outcome.error);
    if (!outcome.data) return false;
    toast({ message: text.policy.publishing(outcome.data.publishPolicy.version) });
    onPublished();
    return true;
  };
  return (
    <ReasonForm
      className={styles.publish}
      confirm={text.policy.publishIt}
      disabled={disabled}
      onConfirm={confirm}
    >
      <h3>{text.policy.publish}</h3>
      <p className="soft">{text.policy.publishMeans}</p>
      {error && (
        <p className="amber" role="alert">
          {error.graphQLErrors[0]?.message ?? text.errorUnreachable}
        </p>
      )}
    </ReasonForm>
  );
}
