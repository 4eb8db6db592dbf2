import { Search, X } from "lucide-react";
import type { Ref } from "react";
import type { ReviewCaseKind, ReviewCaseOrder } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Inbox.module.css";
import type { InboxCounts } from "./InboxCounts";
import { kinds, orders } from "./query";

type Props = {
  kind: ReviewCaseKind;
  order: ReviewCaseOrder;
  search: string;
  counts: InboxCounts | undefined;
  onKind: (kind: ReviewCaseKind) => void;
  onOrder: (order: ReviewCaseOrder) => void;
  onSearch: (search: string) => void;
  field: Ref<HTMLInputElement>;
};

/** The kinds of cases with their numbers, the order, and a search. */
export function CaseFilter({ kind, order, search, counts, onKind, onOrder, onSearch, field }: Props) {
  const text = useText();
  const format = useFormat();
  const shown = kinds.filter((value) => value === "CONTESTED" || value === kind || counts?.[value]);
  return (
    <>
      <fieldset className={styles.reasons}>
        <legend className="hidden">{text.inbox.filter}</legend>
        {shown.map((value) => (
          <button
            key={value}
            type="button"
            className={styles.reason}
            aria-pressed={value === kind}
            onClick={() => onKind(value)}
          >
            {text.inbox.kinds[value]}
            {counts && <span className={styles.count}>{format.number(counts[value])}</span>}
          </button>
        ))}
      </fieldset>
      <div className={styles.tools}>
        <label className={styles.search}>
          <Search size={14} aria-hidden />
          <span className="hidden">{text.inbox.search}</span>
          <input
            ref={field}
            type="text"
            inputMode="search"
            autoComplete="off"
            spellCheck={false}
            value={search}
            placeholder={text.inbox.search}
            aria-keyshortcuts="F"
            onChange={(event) => onSearch(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Escape" || event.nativeEvent.isComposing) return;
              if (search) onSearch("");
              else event.currentTarget.blur();
            }}
          />
          {search && (
            <button type="button" aria-label={text.inbox.searchClear} onClick={() => onSearch("")}>
              <X size={14} aria-hidden />
            </button>
          )}
        </label>
        <select
          className="field"
          aria-label={text.inbox.order}
          value={order}
          onChange={(event) => onOrder(event.target.value as ReviewCaseOrder)}
        >
          {orders.map((value) => (
            <option key={value} value={value}>
              {text.inbox.orders[value]}
            </option>
          ))}
        </select>
      </div>
    </>
  );
}
