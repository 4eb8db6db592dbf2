import { type SubmitEvent, useState } from "react";
import { type CombinedError, useMutation } from "urql";
import { useToast } from "../../components/Toasts";
import { PublishPolicyDocument } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { ReasonField } from "../../links/ReasonField";
import type { PolicyDocument } from "./document";
import styles from "./Policy.module.css";

type Props = { draft: PolicyDocument; from: number; disabled: boolean; onPublished: () => void };

export function Publish({ draft, from, disabled, onPublished }: Props) {
  const text = useText();
  const toast = useToast();
  const [{ fetching }, publish] = useMutation(PublishPolicyDocument);
  const [reason, setReason] = useState("");
  const [error, setError] = useState<CombinedError>();
  const confirm = async (event: SubmitEvent) => {
    event.preventDefault();
    const outcome = await publish({ policy: { from, document: draft }, reason: reason.trim() });
    setError(outcome.error);
    if (!outcome.data) return;
    setReason("");
    toast({ message: text.policy.publishing(outcome.data.publishPolicy.version) });
    onPublished();
  };
  return (
    <form className={styles.publish} onSubmit={confirm}>
      <h3>{text.policy.publish}</h3>
      <p className="soft">{text.policy.publishMeans}</p>
      <ReasonField value={reason} onChange={setReason} />
      {error && (
        <p className={styles.amber} role="alert">
          {error.graphQLErrors[0]?.message ?? text.errorUnreachable}
        </p>
      )}
      <button
        type="submit"
        className="button primary"
        disabled={disabled || fetching || reason.trim() === ""}
      >
        {text.policy.publishIt}
      </button>
    </form>
  );
}
