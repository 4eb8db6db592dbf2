import { useState } from "react";
import { Dialog } from "../../components/Dialog";
import { IdentifierName } from "../../components/IdentifierName";
import { asInput } from "../../decisions/linkKey";
import { ReasonForm } from "../../decisions/ReasonForm";
import { useDecisions } from "../../decisions/useDecisions";
import { useFacts } from "../../facts/useFacts";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { ChangePreview } from "./ChangePreview";
import type { IdentityProfile, Member } from "./graph";
import styles from "./Identity.module.css";

type Props = { identifier: Member; profile: IdentityProfile; onClose: () => void };

/** Retires a value that has a new owner, such as a recycled phone number: from a day on, it identifies the new owner. */
export function RetireDialog({ identifier, profile, onClose }: Props) {
  const text = useText();
  const format = useFormat();
  const { retire } = useDecisions();
  const [day, setDay] = useState(format.today());
  const [unifiedIds] = useState([profile.unifiedId]);
  const { loaded } = useFacts(unifiedIds);
  const from = day && format.startOf(day);

  const confirm = async (reason: string) => {
    const holds = await retire({
      identifier,
      from,
      reason,
    });
    if (holds) onClose();
    return holds;
  };
  return (
    <Dialog title={text.identity.retireTitle} onClose={onClose}>
      <ReasonForm
        className={styles.form}
        confirm={text.identity.retireConfirm}
        often={text.identity.retireOften}
        disabled={!from}
        onConfirm={confirm}
      >
        <p>
          <IdentifierName identifier={identifier} />
        </p>
        <p className={styles.pair}>
          <label className={styles.date}>
            <span>{text.identity.retireFrom}</span>
            <input
              type="date"
              className="field"
              required
              value={day}
              onChange={(event) => setDay(event.target.value)}
            />
          </label>
          <span className="soft small">
            {text.identity.retireSeen(
              format.dateOf(identifier.firstSeenAt),
              format.dateOf(identifier.lastSeenAt),
            )}
          </span>
        </p>
        {from && (
          <ChangePreview
            loaded={loaded}
            change={{ retire: { identifier: asInput(identifier), from } }}
            same={text.identity.retireStill}
          />
        )}
        <p className="soft">{text.identity.retireMeans}</p>
      </ReasonForm>
    </Dialog>
  );
}
