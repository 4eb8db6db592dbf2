import { useText } from "../../language/language";
import type { Publication } from "../../useHealth";
import styles from "./Policy.module.css";
import { usePublicationText } from "./usePublicationText";

/** A publication, with its progress. */
export function PublicationStatus({ publication }: { publication: Publication }) {
  const text = useText();
  const said = usePublicationText();
  return (
    <div className={styles.progress} role="status">
      <p>
        {text.policy.version(publication.version)}: {said(publication)}
      </p>
      {publication.state === "READING" && (
        <progress
          aria-label={text.policy.version(publication.version)}
          value={publication.messages}
          max={Math.max(1, publication.ofMessages)}
        />
      )}
    </div>
  );
}
