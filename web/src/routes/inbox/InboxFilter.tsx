import type { WithheldReason } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Inbox.module.css";
import { reasons } from "./query";
import type { useInboxCounts } from "./useInboxCounts";

type Props = {
  reason: WithheldReason | undefined;
  counts: ReturnType<typeof useInboxCounts>;
  onChange: (reason: WithheldReason | undefined) => void;
};

/** A filter by reason, with the number of links withheld for each. */
export function InboxFilter({ reason, counts, onChange }: Props) {
  const text = useText();
  const format = useFormat();
  const options = [
    { value: undefined, label: text.inbox.open, count: counts?.open },
    ...reasons.map((value) => ({
      value,
      label: text.inbox.reasons[value],
      count: counts?.byReason[value],
    })),
  ];
  const shown = options.filter(({ value, count }) => value === undefined || value === reason || count);
  return (
    <fieldset className={styles.reasons}>
      <legend className="hidden">{text.inbox.filter}</legend>
      {shown.map(({ value, label, count }) => (
        <button
          key={label}
          type="button"
          className={styles.reason}
          aria-pressed={value === reason}
          onClick={() => onChange(value)}
        >
          {label}
          {count !== undefined && <span className={styles.count}>{format.number(count)}</span>}
        </button>
      ))}
    </fieldset>
  );
}
