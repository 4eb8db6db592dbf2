import { Check } from "lucide-react";
import { IdentifierName } from "../../components/IdentifierName";
import { useText } from "../../language/language";
import type { MergedField, MergePreview, ProfileView } from "../../rules/preview";
import { ComparisonTable } from "./ComparisonTable";
import styles from "./Merge.module.css";
import { useFieldText } from "./useFieldText";

/** Each field: the value of each customer, of the merged one, and why. */
export function Fields({ preview, after }: { preview: MergePreview; after: ProfileView }) {
  const text = useText();
  const words = useFieldText();
  const { before, fields } = preview;
  return (
    <ComparisonTable
      before={before}
      after={after}
      withWhy
      rows={[
        {
          key: "unifiedId",
          name: text.merge.keepsId,
          cell: ({ unifiedId }, isResult) => (
            <>
              <span className="mono" title={unifiedId}>
                {unifiedId.slice(0, 8)}
              </span>
              {!isResult && unifiedId === after.unifiedId && <WinningValue />}
            </>
          ),
        },
        {
          key: "identifiers",
          name: text.identifiers,
          cell: ({ identifiers }) => (
            <ul>
              {identifiers.map((identifier) => (
                <li key={identifier.unifiedId}>
                  <IdentifierName identifier={identifier} />
                </li>
              ))}
            </ul>
          ),
        },
        ...fields.map((field) => ({
          key: `${field.group}.${field.name}`,
          name: words.name(field),
          why: words.why(field),
          cell: ({ unifiedId }: ProfileView, isResult: boolean) =>
            isResult ? words.value(field, field.winner) : <OwnValue field={field} unifiedId={unifiedId} />,
        })),
      ]}
    />
  );
}

function OwnValue({ field, unifiedId }: { field: MergedField; unifiedId: string }) {
  const words = useFieldText();
  const won = field.winner?.unifiedIds.includes(unifiedId) ?? false;
  const claim = won ? field.winner : field.losers.find(({ unifiedIds }) => unifiedIds.includes(unifiedId));
  return (
    <span className={won ? undefined : styles.lost}>
      {words.value(field, claim ?? null)}
      {won && field.losers.length > 0 && <WinningValue />}
    </span>
  );
}

function WinningValue() {
  return <Check size={14} className={styles.won} aria-hidden />;
}
