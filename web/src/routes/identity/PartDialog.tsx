import { useState } from "react";
import { Dialog } from "../../components/Dialog";
import { IdentifierName } from "../../components/IdentifierName";
import { useFacts } from "../../facts/useFacts";
import type { LinkEndFragment } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { IdentifierSelect } from "../../links/IdentifierSelect";
import { asInput } from "../../links/key";
import { ReasonForm } from "../../links/ReasonForm";
import { useDecisions } from "../../links/useDecisions";
import { ChangePreview } from "./ChangePreview";
import type { IdentityProfile } from "./graph";
import styles from "./Identity.module.css";

export type Parting = { a: LinkEndFragment; b: LinkEndFragment };
type Props = { parting: Parting; profile: IdentityProfile; onClose: () => void };

/** Two identifiers of one customer are said to be of two; what follows is shown before it is confirmed. */
export function PartDialog({ parting, profile, onClose }: Props) {
  const text = useText();
  const { decide } = useDecisions();
  const [other, setOther] = useState(parting.b.unifiedId);
  const [unifiedIds] = useState([profile.unifiedId]);
  const { loaded } = useFacts(unifiedIds);
  const { identifiers } = profile.graph;
  const candidates = identifiers.filter(({ unifiedId }) => unifiedId !== parting.a.unifiedId);
  const from = identifiers.find(({ unifiedId }) => unifiedId === other) ?? parting.b;

  const confirm = async (reason: string) => {
    const holds = await decide({
      relation: "DIFFERENT",
      a: parting.a,
      b: from,
      reason,
      expectedRevision: profile.revision,
    });
    if (holds) onClose();
    return holds;
  };
  return (
    <Dialog title={text.identity.partTitle} onClose={onClose}>
      <ReasonForm
        className={styles.form}
        confirm={text.decisions.confirmDifferent}
        often={text.decisions.differentOften}
        onConfirm={confirm}
      >
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
        <ChangePreview
          loaded={loaded}
          change={{ different: { a: asInput(parting.a), b: asInput(from) } }}
          same={text.identity.partsStill}
        />
        <p className="soft">{text.decisions.differentMeans}</p>
      </ReasonForm>
    </Dialog>
  );
}
