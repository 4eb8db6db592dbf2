import { useEffect, useRef } from "react";
import { IdentifierName } from "../../components/IdentifierName";
import { NearEnd } from "../../components/NearEnd";
import type { ReviewRowFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Inbox.module.css";
import { Score } from "./Score";
import { useCaseText } from "./useCaseText";

type Props = {
  cases: ReviewRowFragment[];
  chosen: string | undefined;
  /** The cases that one answer is given to; undefined where the role decides nothing. */
  selected: ReadonlySet<string> | undefined;
  more: boolean;
  loading: boolean;
  onMore: () => void;
  onChoose: (id: string) => void;
  onSelect: (id: string) => void;
};

export function CaseList({ cases, chosen, selected, more, loading, onMore, onChoose, onSelect }: Props) {
  const text = useText();
  const list = useRef<HTMLDivElement>(null);
  // Only the list scrolls. `scrollIntoView` would also move where Tab continues.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another case moves the list.
  useEffect(() => {
    const box = list.current;
    const row = box?.querySelector("[aria-current]")?.closest("li");
    if (!box || !row) return;
    const above = row.offsetTop - box.offsetTop - box.scrollTop;
    const below = above + row.offsetHeight - box.clientHeight;
    if (above < 0) box.scrollTop += above;
    else if (below > 0) box.scrollTop += below;
  }, [chosen]);
  return (
    <div ref={list} className={styles.links}>
      <ul>
        {cases.map((row) => (
          <li key={row.id} className={styles.item} data-selected={selected?.has(row.id) || undefined}>
            {selected && (
              <label className={styles.select}>
                <input type="checkbox" checked={selected.has(row.id)} onChange={() => onSelect(row.id)} />
                <SelectLabel row={row} />
              </label>
            )}
            <Row row={row} current={row.id === chosen} onChoose={() => onChoose(row.id)} />
          </li>
        ))}
      </ul>
      {more && <NearEnd loading={loading} label={text.inbox.more} onReach={onMore} />}
    </div>
  );
}

function SelectLabel({ row }: { row: ReviewRowFragment }) {
  const text = useText();
  const { who } = useCaseText();
  return <span className="hidden">{text.inbox.select(who(row))}</span>;
}

type RowProps = { row: ReviewRowFragment; current: boolean; onChoose: () => void };

function Row({ row, current, onChoose }: RowProps) {
  const text = useText();
  const format = useFormat();
  const { who, reasons } = useCaseText();
  // The row has room for the reasons with the most weight; the case shows all.
  const about = reasons(row)
    .filter(({ signal }) => signal !== "SAME_VALUE")
    .sort((a, b) => Math.abs(b.points) - Math.abs(a.points))
    .slice(0, 3);
  return (
    <button
      type="button"
      className={styles.row}
      aria-current={current ? "true" : undefined}
      onClick={onChoose}
    >
      <span className={styles.who}>
        <bdi>{who(row)}</bdi>
      </span>
      {row.score != null ? <Score score={row.score} /> : <span />}
      <span className={styles.ends}>
        <IdentifierName identifier={row.value} />
      </span>
      <span className={styles.why}>
        <span className={styles.about}>
          {about.length > 0 ? about.map(({ words }) => words).join(" · ") : text.inbox.links(row.linkCount)}
        </span>
        <span className={styles.when}>{format.relative(row.lastSeenAt)}</span>
      </span>
    </button>
  );
}
