import { ChevronLeft } from "lucide-react";
import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";
import { type CombinedError, useClient, useQuery } from "urql";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import {
  ReviewCaseDocument,
  ReviewCasesDocument,
  type ReviewRowFragment,
} from "../../graphql/generated/graphql";
import { usePages } from "../../graphql/pages";
import { useProfileChanges } from "../../graphql/subscriptions";
import { useText } from "../../language/language";
import { pressed } from "../../search/keys";
import { useMay } from "../../session/useMay";
import { useDebounced } from "../../useDebounced";
import { useMedia } from "../../useMedia";
import { useTitle } from "../../useTitle";
import type { Answer } from "./AnswerForm";
import { BulkForm } from "./BulkForm";
import { CaseDetail } from "./CaseDetail";
import { CaseFilter } from "./CaseFilter";
import { CaseList } from "./CaseList";
import styles from "./Inbox.module.css";
import { useInboxCounts } from "./InboxCounts";
import { useInboxQuery } from "./query";

const pageSize = 25;
/** The most cases that the server answers at once. */
const mostSelected = 50;

/** Cases for review: withheld links, grouped by the value that causes them. */
export function Inbox() {
  const text = useText();
  useTitle(text.inbox.title);
  const client = useClient();
  const may = useMay();
  const narrow = useMedia("(max-width: 900px)");
  const [query, show] = useInboxQuery();
  const counts = useInboxCounts();
  const [answer, setAnswer] = useState<Answer>();
  const [search, setSearch] = useState("");
  const searched = useDebounced(search.trim(), 200);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [focusNext, setFocusNext] = useState(false);

  const list = usePages<ReviewRowFragment>(
    `${query.kind} ${query.order} ${searched}`,
    async (after, atLeast) => {
      const variables = {
        kind: query.kind,
        orderBy: query.order,
        search: searched || null,
        first: Math.max(pageSize, atLeast),
        after,
      };
      const { data, error } = await client.query(ReviewCasesDocument, variables, {
        requestPolicy: "network-only",
      });
      if (!data) throw error;
      return data.reviewCases;
    },
  );
  const { pages, stale, loading, error } = list;
  useProfileChanges(null, list.refresh);
  const cases = pages?.nodes ?? [];
  const named = useCaseFromAddress(query.id, query.link, pages !== undefined && !stale, cases);
  const listed = cases.find(({ id }) => id === (query.id ?? named.row?.id));
  const isNamed = query.id !== undefined || query.link !== undefined;
  const chosen = listed ?? named.row ?? (narrow || isNamed ? undefined : cases[0]);

  const choose = (row: ReviewRowFragment | undefined, replace: boolean) => {
    setAnswer(undefined);
    show({ id: row?.id }, { replace });
  };
  // An answered case leaves the list; the next one is selected, and its heading gets the focus.
  const selectNext = () => {
    const here = cases.findIndex(({ id }) => id === chosen?.id);
    const next = cases[here + 1] ?? cases[here - 1];
    choose(narrow ? undefined : next, true);
    setFocusNext(!narrow && next !== undefined);
    list.refresh();
  };
  const step = (by: number) => {
    const here = cases.findIndex(({ id }) => id === chosen?.id);
    const next = cases[Math.max(0, Math.min(here + by, cases.length - 1))];
    if (!next || next === chosen) return;
    choose(next, true);
    if (here + by > cases.length - 8) list.loadMore();
  };
  const select = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id) && next.size < mostSelected) next.add(id);
    setSelected(next);
  };
  const clear = () => setSelected(new Set());
  const several = may.decide ? cases.filter(({ id }) => selected.has(id)) : [];

  const field = useRef<HTMLInputElement>(null);
  const answers = may.decide && several.length === 0 ? (chosen?.kind ?? "") : "";
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    f: () => field.current?.focus(),
    ...(may.decide && chosen && query.kind === "CONTESTED" && { x: () => select(chosen.id) }),
    ...(answers === "CONTESTED" && { s: () => setAnswer("SAME"), r: () => setAnswer("REASSIGNED") }),
    ...((answers === "CONTESTED" || answers === "SHARED") && { d: () => setAnswer("DIFFERENT") }),
  });

  const detail = useRef<HTMLElement>(null);
  const chosenId = chosen?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another case starts at its top.
  useEffect(() => {
    detail.current?.scrollTo(0, 0);
  }, [chosenId]);
  const focused = useCallback(() => setFocusNext(false), []);

  const showsOne = narrow && (isNamed || several.length > 0);
  return (
    <main id="content" tabIndex={-1} className={styles.inbox}>
      {!showsOne && (
        <section
          className={styles.list}
          aria-label={text.inbox.title}
          aria-busy={stale || (loading && !pages)}
        >
          <header className={styles.head}>
            <h1 className={styles.title}>{counts ? text.inbox.count(counts.CONTESTED) : text.inbox.title}</h1>
            <CaseFilter
              kind={query.kind}
              order={query.order}
              search={search}
              counts={counts}
              field={field}
              onKind={(kind) => {
                clear();
                setAnswer(undefined);
                show({ kind, id: undefined });
              }}
              onOrder={(order) => show({ order }, { replace: true })}
              onSearch={setSearch}
            />
          </header>
          {error && <ErrorNotice error={error} onRetry={list.reload} old={cases.length > 0} />}
          {!pages && !error && <ListSkeleton />}
          {pages && cases.length === 0 && !loading && (
            <Notice title={searched ? text.inbox.noneFound : text.inbox.emptyTitle}>
              {!searched && (
                <p>{query.kind === "CONTESTED" ? text.inbox.emptyText : text.inbox.emptyReason}</p>
              )}
            </Notice>
          )}
          <CaseList
            cases={cases}
            chosen={chosenId}
            selected={may.decide && query.kind === "CONTESTED" ? selected : undefined}
            more={(pages?.more ?? false) && !error}
            loading={loading}
            onMore={list.loadMore}
            onChoose={(id) => {
              clear();
              choose(
                cases.find((row) => row.id === id),
                !narrow,
              );
            }}
            onSelect={select}
          />
        </section>
      )}
      {(showsOne || !narrow) && (
        <section ref={detail} className={styles.detail} aria-label={text.inbox.detail}>
          {showsOne && <h1 className="hidden">{text.inbox.title}</h1>}
          {showsOne && (
            <button
              type="button"
              className={styles.back}
              onClick={() => (several.length > 0 ? clear() : history.back())}
            >
              <ChevronLeft size={14} aria-hidden />
              {text.inbox.title}
            </button>
          )}
          {several.length > 0 ? (
            <BulkForm
              cases={several}
              onClear={clear}
              onSettled={() => {
                clear();
                choose(undefined, true);
                setFocusNext(!narrow);
                list.refresh();
              }}
            />
          ) : chosen ? (
            <CaseDetail
              key={chosen.id}
              row={chosen}
              answer={answer}
              onAnswer={setAnswer}
              onSettled={selectNext}
              onReassigned={list.refresh}
              focus={focusNext}
              onFocused={focused}
            />
          ) : (
            isNamed &&
            named.answered && (
              <GoneNotice
                error={named.error}
                onBack={() => show({ id: undefined, link: undefined }, { replace: true })}
              />
            )
          )}
        </section>
      )}
    </main>
  );
}

type Named = { row: ReviewRowFragment | undefined; answered: boolean; error: CombinedError | undefined };

/** The case in the address, if the list has not loaded it: by its ID, or by one of its links. */
function useCaseFromAddress(
  id: string | undefined,
  link: string | undefined,
  isListed: boolean,
  cases: ReviewRowFragment[],
): Named {
  const [a = "", b = ""] = link?.split(".") ?? [];
  const inList = cases.some((row) => row.id === id);
  const [{ data, error, fetching }] = useQuery({
    query: ReviewCaseDocument,
    variables: { by: id ? { id } : { link: { a, b } } },
    pause: link === undefined && (id === undefined || !isListed || inList),
    requestPolicy: "network-only",
  });
  if ((id === undefined && link === undefined) || fetching || inList)
    return { row: undefined, answered: false, error: undefined };
  const row = data?.reviewCase ?? undefined;
  return { row, answered: data !== undefined || error !== undefined, error };
}

/** Shortcuts of one letter, except in text fields. */
function useKeys(keys: Record<string, () => void>) {
  const press = useEffectEvent((event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (
      target.matches("input:not([type=radio], [type=checkbox]), textarea, select") ||
      target.closest("dialog")
    )
      return;
    const run = keys[pressed(event)];
    if (!run) return;
    event.preventDefault();
    run();
  });
  useEffect(() => {
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

/** The case in the address was answered, or there never was one. */
function GoneNotice({ error, onBack }: { error: CombinedError | undefined; onBack: () => void }) {
  const text = useText();
  return (
    <div className={styles.gone}>
      <Notice title={error ? text.inbox.unknownTitle : text.inbox.goneTitle}>
        <p>{error ? text.inbox.unknownText : text.inbox.goneText}</p>
        <button type="button" className="button" onClick={onBack}>
          {text.inbox.toList}
        </button>
      </Notice>
    </div>
  );
}

function ListSkeleton() {
  return (
    <div className={styles.expected} aria-hidden="true">
      {["70%", "55%", "80%", "60%", "75%", "65%"].map((width) => (
        <div key={width}>
          <Skeleton width={width} />
          <Skeleton width="90%" />
        </div>
      ))}
    </div>
  );
}
