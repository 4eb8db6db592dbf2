import { useEffect, useEffectEvent, useRef } from "react";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { type Publication, useHealth } from "../../useHealth";
import styles from "./Policy.module.css";

/** The progress of a publication; calls `onDone` when it ends. */
export function PublicationProgress({ onDone }: { onDone: () => void }) {
  const health = useHealth(1000);
  const publication = health?.publication ?? undefined;
  const done = useEffectEvent(onDone);
  const state = publication && `${publication.version} ${publication.state}`;
  const known = useRef(state);
  useEffect(() => {
    if (state && known.current && known.current !== state) done();
    known.current = state;
  }, [state]);
  if (!publication || publication.state === "IN_FORCE") return null;
  return <PublicationStatus publication={publication} />;
}

export function PublicationStatus({ publication }: { publication: Publication }) {
  const text = useText();
  const format = useFormat();
  const said = () => {
    switch (publication.state) {
      case "READING":
        return text.policy.reading(
          format.number(publication.messages),
          format.number(publication.ofMessages),
        );
      case "LISTING":
        return text.policy.listing(format.number(publication.customers));
      case "SWITCHING":
        return text.policy.switching;
      case "FAILED":
        return text.policy.notPublished(publication.reason);
      case "IN_FORCE":
        return text.policy.arrived(format.number(publication.seconds));
    }
  };
  return (
    <div className={styles.progress} role="status">
      <p>
        {text.policy.version(publication.version)}: {said()}
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
