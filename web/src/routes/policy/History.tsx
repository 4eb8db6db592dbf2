import type { PolicyVersionFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { PolicyDocument } from "../../rules/preview";
import styles from "./Policy.module.css";
import { Changes } from "./PublishDialog";
import { useChanges } from "./useChanges";

type Props = {
  /** The newest first. */
  versions: PolicyVersionFragment[];
  /** Left out where the role may not change the policy. */
  onStartFrom: ((version: PolicyVersionFragment) => void) | undefined;
};

/** All versions: what changed, who published them and why. */
export function History({ versions, onStartFrom }: Props) {
  const text = useText();
  const format = useFormat();
  const changes = useChanges();
  return (
    <ol className={styles.versions}>
      {versions.map((entry, index) => {
        const { version, status, reason, publishedAt, publishedBy, document } = entry;
        const before = versions[index + 1]?.document as PolicyDocument | undefined;
        const changed = before ? changes(before, document as PolicyDocument) : [];
        return (
          <li key={version} data-version={version}>
            <div>
              <p>
                <b>{text.policy.version(version)}</b>{" "}
                <span className={status === "NOT_IN_FORCE" ? "soft" : styles.status}>
                  {text.policy.statuses[status]}
                </span>
                {reason && ` ${reason}`}
              </p>
              <p className="soft small" title={format.exact(publishedAt)}>
                {publishedBy}, {format.relative(publishedAt)}
              </p>
              <Changes changed={changed} />
            </div>
            {onStartFrom && status !== "IN_FORCE" && (
              <button type="button" className="button" onClick={() => onStartFrom(entry)}>
                {text.policy.startFrom}
              </button>
            )}
          </li>
        );
      })}
    </ol>
  );
}
