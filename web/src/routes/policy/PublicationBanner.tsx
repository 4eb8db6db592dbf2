import { X } from "lucide-react";
import { Link } from "wouter";
import { useText } from "../../language/language";
import { useHealth } from "../../useHealth";
import styles from "./PublicationBanner.module.css";
import { usePublicationText } from "./usePublicationText";
import { useWatchedPublication, type WatchedPublication, watchPublication } from "./watchedPublication";

/** In the header, in every view: the progress of the publication that this tab started, then what came of it. */
export function PublicationBanner() {
  const watched = useWatchedPublication();
  return watched ? <Watched watched={watched} /> : null;
}

function Watched({ watched: { version, previous } }: { watched: WatchedPublication }) {
  const text = useText();
  const said = usePublicationText();
  const health = useHealth(1000);
  const publication = health?.publication?.version === version ? health.publication : undefined;
  const isActive = health?.policyVersion === version;
  const isReplaced = (health?.policyVersion ?? 0) > version;
  if (isReplaced) return null;
  const hasFailed = publication?.state === "FAILED";
  return (
    <div
      className={hasFailed ? `${styles.banner} ${styles.failed}` : styles.banner}
      role="status"
      data-publication
    >
      {isActive ? (
        <p className={styles.line}>
          <b>{text.policy.isActive(version)}</b>
          <Link href="/policy#history">{text.policy.view}</Link>
          <Link href={`/policy?restore=${previous}`}>{text.policy.restore(previous)}</Link>
        </p>
      ) : (
        <p className={styles.line}>
          {!hasFailed && <b>{text.policy.publishing(version)}</b>}
          <span>{publication && said(publication)}</span>
        </p>
      )}
      {(isActive || hasFailed) && (
        <button
          type="button"
          className={styles.close}
          aria-label={text.close}
          onClick={() => watchPublication(undefined)}
        >
          <X size={16} aria-hidden />
        </button>
      )}
      {!isActive && !hasFailed && (
        <progress
          className={styles.progress}
          aria-label={text.policy.publishing(version)}
          {...(publication?.state === "READING" && {
            value: publication.messages,
            max: Math.max(1, publication.ofMessages),
          })}
        />
      )}
    </div>
  );
}
