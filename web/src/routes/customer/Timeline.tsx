import { defaultRangeExtractor, useWindowVirtualizer } from "@tanstack/react-virtual";
import { ChevronDown, ChevronRight, GitMerge, Split } from "lucide-react";
import {
  type FocusEvent,
  type KeyboardEvent,
  type RefObject,
  useEffect,
  useEffectEvent,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { NearEnd } from "../../components/NearEnd";
import { ErrorNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import type { LineageFactsFragment, TimelineEventFragment } from "../../graphql/generated/graphql";
import type { Pages } from "../../graphql/pages";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Timeline.module.css";
import { TimelineEvent } from "./TimelineEvent";
import { TimelineFilter } from "./TimelineFilter";
import { useTimelineQuery } from "./timelineQuery";
import { type SessionRow, sessionKey, type TimelineRow, timelineRows } from "./timelineRows";
import { useTimeline } from "./useTimeline";

const rowHeight = 33;
const overscan = 12;
/** What stays at the top of the window covers so much of it. */
const coveredTop = 120;
const restorableFor = 10 * 60_000;

/** The timeline as the reader left it: the back button finds it at the same place. */
type Left = {
  entry: string | undefined;
  unifiedId: string;
  key: string;
  search: string;
  pages: Pages<TimelineEventFragment> | undefined;
  open: Set<string>;
  folding: Folding;
  /** How far the window is scrolled into the list, in pixels. */
  offset: number;
  at: number;
};
let left: Left | undefined;

/** Whether sessions are folded, also those that are not loaded yet, and those that are not as the others. */
type Folding = { all: boolean; except: ReadonlySet<string> };

/** The history entry; back and forward lead to the same one. */
const currentEntry = (): string | undefined =>
  (globalThis as { navigation?: { currentEntry?: { key?: string } } }).navigation?.currentEntry?.key;

/** The customer's events by day and session, newest first. */
export function Timeline({ unifiedId, revision }: { unifiedId: string; revision: string }) {
  const text = useText();
  const format = useFormat();
  const [query, show] = useTimelineQuery();
  const [entry] = useState(currentEntry);
  const [restored] = useState(() =>
    left &&
    entry &&
    left.entry === entry &&
    left.unifiedId === unifiedId &&
    Date.now() - left.at < restorableFor
      ? left
      : undefined,
  );
  const [search, setSearch] = useState(restored?.search ?? "");
  const [open, setOpen] = useState<ReadonlySet<string>>(restored?.open ?? new Set());
  const [folding, setFolding] = useState<Folding>(restored?.folding ?? { all: false, except: new Set() });
  const timeline = useTimeline({ unifiedId, revision, search, ...query }, restored?.pages);
  const { pages, stale, loading, error, names, lineage } = timeline;

  const events = pages?.nodes;
  const more = pages?.more ?? true;
  const rows = useMemo(() => {
    const last = events?.at(-1);
    // Older merges follow once older events are read.
    const known = lineage.filter(({ at }) => !more || (last && Date.parse(at) >= Date.parse(last.at)));
    return timelineRows(events ?? [], known, (session) => isFolded(folding, session), format.dayOf);
  }, [events, more, lineage, folding, format.dayOf]);

  const list = useRef<HTMLOListElement>(null);
  const leave = useEffectEvent(() => {
    const offset = list.current ? -list.current.getBoundingClientRect().top : 0;
    left = {
      entry,
      unifiedId,
      key: timeline.key,
      search,
      pages,
      open: new Set(open),
      folding,
      offset,
      at: Date.now(),
    };
  });
  useLayoutEffect(() => () => leave(), []);

  const hasSessions = useMemo(() => (events ?? []).some(({ session }) => session), [events]);
  const isFiltered = query.events.length > 0 || query.until !== undefined || search !== "";
  return (
    <>
      <TimelineFilter
        query={query}
        search={search}
        names={names}
        onShow={show}
        onSearch={setSearch}
        folding={
          hasSessions && (
            <button
              type="button"
              className={styles.quiet}
              onClick={() => setFolding({ all: !folding.all, except: new Set() })}
            >
              {folding.all ? text.timelineView.unfoldAll : text.timelineView.foldAll}
            </button>
          )
        }
      />
      {pages?.nodes.length === 0 && !pages.more && (
        <p className="soft">{isFiltered ? text.noEventsFiltered : text.noEvents}</p>
      )}
      <Rows
        list={list}
        rows={rows}
        more={more}
        busy={stale}
        offset={restored?.offset}
        open={open}
        onOpen={(key, isOpen) => setOpen((before) => toggled(before, key, isOpen))}
        isFolded={(session) => isFolded(folding, session)}
        onFold={(session, fold) =>
          setFolding(({ all, except }) => ({ all, except: toggled(except, session, fold !== all) }))
        }
      />
      {error && <ErrorNotice error={error} onRetry={timeline.reload} />}
      {loading && !pages && <Skeleton width="60%" />}
      {pages?.more && !error && (
        <NearEnd loading={loading} label={text.earlierEvents} onReach={timeline.loadMore} />
      )}
    </>
  );
}

const isFolded = ({ all, except }: Folding, session: string) => all !== except.has(session);

function toggled(set: ReadonlySet<string>, key: string, isIn: boolean): ReadonlySet<string> {
  if (set.has(key) === isIn) return set;
  const next = new Set(set);
  if (isIn) next.add(key);
  else next.delete(key);
  return next;
}

type RowsProps = {
  list: RefObject<HTMLOListElement | null>;
  rows: TimelineRow[];
  more: boolean;
  busy: boolean;
  offset: number | undefined;
  open: ReadonlySet<string>;
  onOpen: (key: string, open: boolean) => void;
  isFolded: (session: string) => boolean;
  onFold: (session: string, fold: boolean) => void;
};

/** Renders the rows near the window, and the one that has the focus. */
function Rows({ list, rows, more, busy, offset, open, onOpen, isFolded, onFold }: RowsProps) {
  const margin = useOffset(list, offset);
  const [focused, setFocused] = useState<number>();
  const wantsFocus = useRef(false);
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan,
    scrollMargin: margin,
    scrollPaddingStart: coveredTop,
    rangeExtractor: (range) => {
      const near = defaultRangeExtractor(range);
      if (focused === undefined || focused >= rows.length || near.includes(focused)) return near;
      return [...near, focused].sort((a, b) => a - b);
    },
  });
  const items = virtualizer.getVirtualItems();

  // The row may be rendered only now.
  useEffect(() => {
    if (!wantsFocus.current || focused === undefined) return;
    const row = list.current?.querySelector<HTMLElement>(`[data-index="${focused}"]`);
    const head = row?.querySelector<HTMLElement>("summary, button, [tabindex]");
    if (!head) return;
    wantsFocus.current = false;
    head.focus({ preventScroll: true });
  });
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const isRow = event.target instanceof Element && event.target.matches("summary, [data-row-head]");
    if (!step || !isRow || focused === undefined) return;
    event.preventDefault();
    // Merges only say something, so they have no focus.
    let next = focused + step;
    while (rows[next]?.kind === "lineage") next += step;
    if (!rows[next]) return;
    wantsFocus.current = true;
    setFocused(next);
    virtualizer.scrollToIndex(next, { align: "auto" });
  };
  const noteFocus = (event: FocusEvent) => {
    const index = event.target.closest<HTMLElement>("[data-index]")?.dataset.index;
    setFocused(index === undefined ? undefined : Number(index));
  };

  if (rows.length === 0) return <ol ref={list} />;
  return (
    <ol
      ref={list}
      className={styles.rows}
      style={{ height: virtualizer.getTotalSize() }}
      aria-busy={busy}
      onKeyDown={move}
      onFocus={noteFocus}
    >
      {items.map(({ index, start, key }) => {
        const row = rows[index];
        if (!row) return null;
        return (
          <li
            key={key}
            ref={virtualizer.measureElement}
            data-index={index}
            data-key={key}
            aria-setsize={more ? -1 : rows.length}
            aria-posinset={index + 1}
            className={`${styles.row} ${row.day ? styles.first : ""}`}
            style={{ transform: `translateY(${start - margin}px)` }}
          >
            {row.day && <h3 className={styles.day}>{row.day}</h3>}
            <div className={styles.body}>
              {row.kind === "session" && (
                <Session
                  row={row}
                  isFolded={isFolded(sessionKey(row.events[0] as TimelineEventFragment))}
                  onFold={onFold}
                />
              )}
              {row.kind === "event" && (
                <TimelineEvent
                  event={row.event}
                  inSession={row.session !== undefined}
                  open={open.has(row.key)}
                  onToggle={(isOpen) => onOpen(row.key, isOpen)}
                />
              )}
              {row.kind === "lineage" && <Merge lineage={row.lineage} />}
            </div>
          </li>
        );
      })}
    </ol>
  );
}

/** Where the list begins in the document, and scrolls to where the reader left it, until the reader scrolls. */
function useOffset(list: RefObject<HTMLOListElement | null>, offset: number | undefined): number {
  const [margin, setMargin] = useState(0);
  const restoring = useRef(offset);
  const measure = useEffectEvent(() => {
    if (!list.current) return;
    const top = list.current.getBoundingClientRect().top + window.scrollY;
    setMargin((before) => (Math.abs(before - top) < 1 ? before : top));
    // Above the list, the browser's own place is the right one.
    if (restoring.current !== undefined && restoring.current > -window.innerHeight)
      window.scrollTo(0, top + restoring.current);
  });
  useLayoutEffect(() => {
    measure();
    const stop = () => {
      restoring.current = undefined;
    };
    const observer = new ResizeObserver(() => measure());
    observer.observe(document.body);
    const acts = ["wheel", "touchmove", "keydown", "pointerdown"] as const;
    for (const act of acts) window.addEventListener(act, stop, { passive: true });
    return () => {
      observer.disconnect();
      for (const act of acts) window.removeEventListener(act, stop);
    };
  }, []);
  return margin;
}

type SessionProps = {
  row: SessionRow;
  isFolded: boolean;
  onFold: (key: string, folded: boolean) => void;
};

function Session({ row: { events }, isFolded, onFold }: SessionProps) {
  const text = useText();
  const format = useFormat();
  const newest = events[0] as TimelineEventFragment;
  const oldest = events.at(-1) as TimelineEventFragment;
  const [from, to] = [format.timeOf(oldest.at), format.timeOf(newest.at)];
  const Icon = isFolded ? ChevronRight : ChevronDown;
  return (
    <button
      type="button"
      data-row-head
      className={styles.session}
      aria-expanded={!isFolded}
      onClick={() => onFold(sessionKey(newest), !isFolded)}
    >
      <Icon size={14} aria-hidden />
      <span>
        {text.timelineView.session(
          from === to ? from : `${from}–${to}`,
          newest.platform ? format.platform(newest.platform) : newest.source,
          events.length,
        )}
      </span>
      {isFolded && (
        <span className={styles.said}>
          {format.list([...new Set(events.map(({ name }) => format.event(name)))])}
        </span>
      )}
    </button>
  );
}

function Merge({ lineage: { kind, at, others, customers, decision } }: { lineage: LineageFactsFragment }) {
  const text = useText();
  const format = useFormat();
  const isMerge = kind === "MERGED";
  const Icon = isMerge ? GitMerge : Split;
  const said = isMerge ? text.timelineView.merged(others.length) : text.timelineView.split(others.length);
  return (
    <div className={`${styles.line} ${styles.lineage}`}>
      <time dateTime={at} title={format.exact(at)} className="soft">
        {format.timeOf(at)}
      </time>
      <span className={styles.name}>
        <Icon size={14} aria-hidden /> {said}
      </span>
      <span className={styles.said}>
        {[
          format.list(customers.flatMap(({ name }) => name ?? [])),
          decision && `${decision.actor}: “${decision.reason}”`,
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>
    </div>
  );
}
