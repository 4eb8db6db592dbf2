import { useState } from "react";
import { Dialog } from "../../components/Dialog";
import { IdentifierName } from "../../components/IdentifierName";
import { IdentifierSelect } from "../../decisions/IdentifierSelect";
import { asInput } from "../../decisions/linkKey";
import { ReasonForm } from "../../decisions/ReasonForm";
import { useDecisions } from "../../decisions/useDecisions";
import { useFacts } from "../../facts/useFacts";
import type { LinkEndFragment } from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { ChangePreview } from "./ChangePreview";
import type { IdentityProfile } from "./graph";
import styles from "./Identity.module.css";

export type Separation = { a: LinkEndFragment; b: LinkEndFragment };
type Props = { separation: Separation; profile: IdentityProfile; onClose: () => void };

/** Decides that two identifiers belong to different customers; previews the effect first. */
export function SeparateDialog({ separation, profile, onClose }: Props) {
  const text = useText();
  const { decide } = useDecisions();
  const [other, setOther] = useState(separation.b.unifiedId);
  const [unifiedIds] = useState([profile.unifiedId]);
  const { loaded, error, reload } = useFacts(unifiedIds);
  const { identifiers } = profile.graph;
  const candidates = identifiers.filter(({ unifiedId }) => unifiedId !== separation.a.unifiedId);
  const from = identifiers.find(({ unifiedId }) => unifiedId === other) ?? separation.b;

  const confirm = async (reason: string) => {
    const holds = await decide({
      relation: "DIFFERENT",
      a: separation.a,
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
          <IdentifierName identifier={separation.a} />
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
          change={{ different: { a: asInput(separation.a), b: asInput(from) } }}
          same={text.identity.partsStill}
          unread={error}
          onRetry={reload}
        />
        <p className="soft">{text.decisions.differentMeans}</p>
      </ReasonForm>
    </Dialog>
  );
}
