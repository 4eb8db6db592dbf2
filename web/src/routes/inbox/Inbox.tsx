import { ChevronLeft } from "lucide-react";
import { useEffect, useEffectEvent, useRef, useState } from "react";
import { useClient, useQuery } from "urql";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { linkKey } from "../../decisions/linkKey";
import {
  InboxDocument,
  type Relation,
  WithheldAroundDocument,
  type WithheldFactsFragment,
} from "../../graphql/generated/graphql";
import { usePages } from "../../graphql/pages";
import { useProfileChanges } from "../../graphql/subscriptions";
import { useText } from "../../language/language";
import { useMedia } from "../../useMedia";
import { useTitle } from "../../useTitle";
import styles from "./Inbox.module.css";
import { InboxFilter } from "./InboxFilter";
import { useInboxQuery } from "./query";
import { useInboxCounts } from "./useInboxCounts";
import { WithheldLink } from "./WithheldLink";
import { WithheldList } from "./WithheldList";

const pageSize = 25;

/** Withheld links that wait for a decision, strongest evidence first. */
export function Inbox() {
  const text = useText();
  useTitle(text.inbox.title);
  const client = useClient();
  const narrow = useMedia("(max-width: 900px)");
  const [query, show] = useInboxQuery();
  const counts = useInboxCounts();
  const [relation, setRelation] = useState<Relation>();

  const list = usePages<WithheldFactsFragment>(query.reason ?? "open", async (after, atLeast) => {
    const variables = { reason: query.reason ?? null, first: Math.max(pageSize, atLeast), after };
    const { data, error } = await client.query(InboxDocument, variables, { requestPolicy: "network-only" });
    if (!data) throw error;
    return data.withheldLinks;
  });
  const { pages, stale, loading, error } = list;
  useProfileChanges(null, list.refresh);
  const links = (pages?.nodes ?? []).filter(
    ({ reason }) => query.reason !== undefined || reason !== "DIFFERENT",
  );
  const position = links.findIndex(({ link }) => linkKey(link) === query.link);
  const elsewhere = useLinkFromAddress(position < 0 && pages ? query.link : undefined);
  const chosen = links[position] ?? elsewhere ?? (narrow || query.link ? undefined : links[0]);

  // A decided link leaves the list; the next one is selected.
  const selectNext = () => {
    const here = chosen ? links.indexOf(chosen) : -1;
    const next = links[here + 1] ?? links[here - 1];
    setRelation(undefined);
    show({ link: narrow || !next ? undefined : linkKey(next.link) }, { replace: true });
    list.refresh();
  };
  const step = (by: number) => {
    const here = chosen ? links.indexOf(chosen) : -1;
    const next = links[Math.max(0, Math.min(here + by, links.length - 1))];
    if (!next || next === chosen) return;
    setRelation(undefined);
    show({ link: linkKey(next.link) }, { replace: true });
    if (here + by > links.length - 8) list.loadMore();
  };
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ...(chosen &&
      !chosen.link.decision && { s: () => setRelation("SAME"), d: () => setRelation("DIFFERENT") }),
  });

  const detail = useRef<HTMLElement>(null);
  const chosenKey = chosen && linkKey(chosen.link);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another link starts at its top.
  useEffect(() => {
    detail.current?.scrollTo(0, 0);
  }, [chosenKey]);

  const showsOne = narrow && query.link !== undefined;
  return (
    <main id="content" tabIndex={-1} className={styles.inbox}>
      {!showsOne && (
        <section
          className={styles.list}
          aria-label={text.inbox.title}
          aria-busy={stale || (loading && !pages)}
        >
          <header className={styles.head}>
            <h1 className={styles.title}>{counts ? text.inbox.count(counts.open) : text.inbox.title}</h1>
            <InboxFilter
              reason={query.reason}
              counts={counts}
              onChange={(reason) => show({ reason, link: undefined })}
            />
          </header>
          {error && <ErrorNotice error={error} onRetry={list.reload} />}
          {!pages && !error && <ListSkeleton />}
          {pages && links.length === 0 && !pages.more && !loading && (
            <Notice title={text.inbox.emptyTitle}>
              <p>{query.reason ? text.inbox.emptyReason : text.inbox.emptyText}</p>
            </Notice>
          )}
          <WithheldList
            links={links}
            chosen={chosenKey}
            more={(pages?.more ?? false) && !error}
            loading={loading}
            onMore={list.loadMore}
            onChoose={(key) => {
              setRelation(undefined);
              show({ link: key }, { replace: !narrow });
            }}
          />
        </section>
      )}
      {(showsOne || !narrow) && (
        <section ref={detail} className={styles.detail} aria-label={text.inbox.detail}>
          {showsOne && <h1 className="hidden">{text.inbox.title}</h1>}
          {showsOne && (
            <button type="button" className={styles.back} onClick={() => history.back()}>
              <ChevronLeft size={14} aria-hidden />
              {text.inbox.title}
            </button>
          )}
          {chosen ? (
            <WithheldLink
              key={chosenKey}
              withheld={chosen}
              relation={relation}
              onRelation={setRelation}
              onSettled={selectNext}
            />
          ) : (
            query.link &&
            pages &&
            elsewhere === null && <DecidedNotice onBack={() => show({ link: undefined })} />
          )}
        </section>
      )}
    </main>
  );
}

/** The link in the address, if the list has not loaded it yet; null if it is not withheld any more. */
function useLinkFromAddress(key: string | undefined): WithheldFactsFragment | null | undefined {
  const unifiedId = key?.split(".")[0] ?? "";
  const [{ data, fetching }] = useQuery({
    query: WithheldAroundDocument,
    variables: { unifiedId },
    pause: key === undefined,
    requestPolicy: "network-only",
  });
  if (key === undefined || fetching || !data) return undefined;
  return data.profile?.graph.withheld.find(({ link }) => linkKey(link) === key) ?? null;
}

/** Shortcuts of one letter, except in text fields. */
function useKeys(keys: Record<string, () => void>) {
  const press = useEffectEvent((event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (target.matches("input:not([type=radio]), textarea, select") || target.closest("dialog")) return;
    const run = keys[event.key.toLowerCase()];
    if (!run) return;
    event.preventDefault();
    run();
  });
  useEffect(() => {
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

function DecidedNotice({ onBack }: { onBack: () => void }) {
  const text = useText();
  return (
    <Notice title={text.inbox.goneTitle}>
      <p>{text.inbox.goneText}</p>
      <button type="button" className="button" onClick={onBack}>
        {text.inbox.toList}
      </button>
    </Notice>
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
