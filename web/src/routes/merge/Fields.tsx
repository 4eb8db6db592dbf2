import { Check } from "lucide-react";
import { useState } from "react";
import { IdentifierName } from "../../components/IdentifierName";
import { Segmented } from "../../components/Segmented";
import { useText } from "../../language/language";
import type { MergedField, MergePreview, ProfileView } from "../../rules/preview";
import { ComparisonTable, type Row } from "./ComparisonTable";
import { deviceText } from "./deviceText";
import { fieldGroups, groupOf, sorted } from "./fieldGroups";
import styles from "./Merge.module.css";
import { useFieldText } from "./useFieldText";

type Shown = "differences" | "all";

/** Each field: the value of each customer, of the merged one, and why. Those that differ come first. */
export function Fields({ preview, after }: { preview: MergePreview; after: ProfileView }) {
  const text = useText();
  const words = useFieldText();
  const { before, fields } = preview;
  const differing = fields.filter(({ differs }) => differs);
  const [shown, setShown] = useState<Shown>("differences");
  const rowOf = (field: MergedField): Row => ({
    key: `${field.group}.${field.name}`,
    name: words.name(field),
    why: words.why(field),
    differs: field.differs,
    cell: (customer, isResult) =>
      field.name === "recentDevice" ? (
        <RecentDevice customer={customer} />
      ) : isResult ? (
        words.value(field, field.winner)
      ) : (
        <OwnValue field={field} unifiedId={customer.unifiedId} />
      ),
  });
  const own: Row[] = [
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
  ];
  const visible = shown === "all" ? fields : differing;
  const groups = fieldGroups.map((name) => {
    const rows = sorted(visible.filter((field) => groupOf(field) === name)).map(rowOf);
    return { name: text.merge.groups[name], rows: name === "identity" ? [...rows, ...own] : rows };
  });
  return (
    <section className={styles.section}>
      <Segmented
        label={text.merge.show}
        options={[
          { value: "differences", label: text.merge.showDifferences(differing.length) },
          { value: "all", label: text.merge.showAll(fields.length) },
        ]}
        value={shown}
        onChange={setShown}
      />
      {visible.length === 0 && <p className="soft">{text.merge.noDifferences}</p>}
      <ComparisonTable before={before} after={after} withWhy groups={groups} />
    </section>
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

/** What it is; its ID is only shown where nothing else is known. */
function RecentDevice({ customer: { recentDevice } }: { customer: ProfileView }) {
  if (!recentDevice) return "–";
  const words = deviceText(recentDevice);
  return words ? (
    <span title={recentDevice.deviceId}>{words}</span>
  ) : (
    <span className="mono">{recentDevice.deviceId}</span>
  );
}

function WinningValue() {
  return <Check size={14} className={styles.won} aria-hidden />;
}
