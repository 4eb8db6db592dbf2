import { isolated } from "../../components/Name";
import { useLinkText } from "../../decisions/useLinkText";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { MergePreview, ProfileView } from "../../rules/preview";
import styles from "./Merge.module.css";

/** The effect of the merge in a few sentences: the customer, the limits that it overrides, other customers that change. */
export function Summary({ preview, after }: { preview: MergePreview; after: ProfileView }) {
  const text = useText();
  const format = useFormat();
  const { named } = useLinkText();
  const year = after.purchases.windows.find(({ months }) => months === 12);
  const others = preview.othersAfter.map(({ basic, unifiedId }) =>
    isolated(basic.name ?? unifiedId.slice(0, 8)),
  );
  const held = preview.links.withheld;
  const inside = new Set(after.identifiers.map(({ unifiedId }) => unifiedId));
  const outside = preview.before
    .flatMap(({ identifiers }) => identifiers)
    .filter(({ unifiedId }) => !inside.has(unifiedId));
  return (
    <div className={styles.summary}>
      <p className={styles.sentence} data-summary>
        {text.merge.summary(
          year?.count ?? 0,
          format.money(year?.amount ?? "0", after.purchases.currency),
          after.unifiedId,
        )}
      </p>
      {preview.limits.map(({ kind, limit, count }) => (
        <p key={kind} className="amber">
          {text.merge.overLimit(format.kind(kind), count, limit)}
        </p>
      ))}
      {preview.decisions.length > 0 && (
        <p className="soft" data-recorded>
          {text.merge.recorded}
        </p>
      )}
      {outside.length > 0 && (
        <p className="amber" data-outside>
          {text.merge.outside(outside.length, format.list(outside.map(named)))}
        </p>
      )}
      {others.length > 0 && (
        <p className="amber">
          {text.merge.alsoChanges}: {text.merge.alsoText(format.list(others))}
        </p>
      )}
      {held.length > 0 && (
        <p className="amber">
          {text.merge.heldInstead}:{" "}
          {held.map(({ link }) => `${named(link.a)} ${text.links.and} ${named(link.b)}`).join("; ")}
        </p>
      )}
    </div>
  );
}
