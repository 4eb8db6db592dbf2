import { type SubmitEvent, useState } from "react";
import { Dialog } from "../../components/Dialog";
import { IdentifierName } from "../../components/IdentifierName";
import { useFacts } from "../../facts/useFacts";
import type { LinkEndFragment } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { IdentifierSelect } from "../../links/IdentifierSelect";
import { ReasonField } from "../../links/ReasonField";
import { useDecisions } from "../../links/useDecisions";
import type { IdentityProfile } from "./graph";
import styles from "./Identity.module.css";
import { PartPreview } from "./PartPreview";

export type Parting = { a: LinkEndFragment; b: LinkEndFragment };
type Props = { parting: Parting; profile: IdentityProfile; onClose: () => void };

/** Two identifiers of one customer are said to be of two; what follows is shown before it is confirmed. */
export function PartDialog({ parting, profile, onClose }: Props) {
  const text = useText();
  const { decide } = useDecisions();
  const [other, setOther] = useState(parting.b.unifiedId);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [unifiedIds] = useState([profile.unifiedId]);
  const { loaded } = useFacts(unifiedIds);
  const { identifiers } = profile.graph;
  const candidates = identifiers.filter(({ unifiedId }) => unifiedId !== parting.a.unifiedId);
  const from = identifiers.find(({ unifiedId }) => unifiedId === other) ?? parting.b;

  const confirm = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    const holds = await decide({
      relation: "DIFFERENT",
      a: parting.a,
      b: from,
      reason: reason.trim(),
      expectedRevision: profile.revision,
    });
    setBusy(false);
    if (holds) onClose();
  };
  return (
    <Dialog title={text.identity.partTitle} onClose={onClose}>
      <form className={styles.form} onSubmit={confirm}>
        <p className={styles.pair}>
          <IdentifierName identifier={parting.a} />
          <span className="soft">{text.identity.partFrom}</span>
          <IdentifierSelect
            label={text.identity.partFrom}
            value={other}
            identifiers={candidates}
            onChange={setOther}
          />
        </p>
        <PartPreview loaded={loaded} a={parting.a} b={from} />
        <p className="soft">{text.decisions.differentMeans}</p>
        <ReasonField value={reason} onChange={setReason} often={text.decisions.differentOften} />
        <button type="submit" className="button primary" disabled={busy || reason.trim() === ""}>
          {text.decisions.confirmDifferent}
        </button>
      </form>
    </Dialog>
  );
}
