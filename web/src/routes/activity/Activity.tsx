import { useEffect, useState } from "react";
import { useClient } from "urql";
import { Link } from "wouter";
import { NearEnd } from "../../components/NearEnd";
import { ErrorNotice } from "../../components/Notice";
import { Segmented } from "../../components/Segmented";
import { Skeleton } from "../../components/Skeleton";
import {
  type ActionFactsFragment,
  type AuditFactsFragment,
  AuditLogDocument,
  type OperatorActionKind,
  OperatorActionsDocument,
} from "../../graphql/generated/graphql";
import { usePages } from "../../graphql/pages";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useMay } from "../../session/useMay";
import { useTitle } from "../../useTitle";
import { customerPath } from "../views";
import { ActionItem, When } from "./ActionItem";
import styles from "./Activity.module.css";
import { type ActivityFilter, Filters } from "./Filters";
import { useActivityFilter } from "./query";

const pageSize = 50;

/** What operators decided, and who read personal data: the actor, the time and the customer of each entry. */
export function Activity() {
  const text = useText();
  useTitle(text.activity.title);
  const may = useMay();
  const [filter, setFilter] = useActivityFilter();
  const showsReads = filter.view === "reads" && may.govern;
  return (
    <main id="content" tabIndex={-1} className="page">
      <header className={styles.head}>
        <h1>{text.activity.title}</h1>
        <p className="soft">{text.activity.lead}</p>
      </header>
      {may.govern && (
        <Segmented
          label={text.activity.tabs}
          options={[
            { value: "actions", label: text.activity.actions },
            { value: "reads", label: text.activity.reads },
          ]}
          value={filter.view}
          // The kinds of both lists differ.
          onChange={(view) => setFilter({ ...filter, view, kind: "" })}
        />
      )}
      {showsReads ? (
        <Reads filter={filter} onFilter={setFilter} />
      ) : (
        <Actions filter={filter} onFilter={setFilter} />
      )}
    </main>
  );
}

type Props = { filter: ActivityFilter; onFilter: (filter: ActivityFilter) => void };

function Actions({ filter, onFilter }: Props) {
  const text = useText();
  const client = useClient();
  const span = useSpan(filter);
  const key = JSON.stringify({ ...filter, view: "actions" });
  const list = usePages<ActionFactsFragment>(key, async (after, atLeast) => {
    const { data, error } = await client.query(
      OperatorActionsDocument,
      {
        first: Math.max(pageSize, atLeast),
        after,
        kinds: isKind(filter.kind) ? [filter.kind] : null,
        actor: filter.actor || null,
        unifiedId: filter.customer || null,
        ...span,
      },
      { requestPolicy: "network-only" },
    );
    if (!data) throw error;
    return data.operatorActions;
  });
  const { pages, loading, error } = list;
  const actors = useActors();
  return (
    <>
      <Filters filter={filter} kinds={text.activity.kinds} actors={actors} onFilter={onFilter} />
      {error && <ErrorNotice error={error} onRetry={list.reload} old={pages !== undefined} />}
      {!pages && !error && <Skeleton width="60%" />}
      {pages && !error && <Count total={pages.total ?? pages.nodes.length} filtered={isFiltered(filter)} />}
      <ol className={styles.list} data-actions aria-busy={loading}>
        {pages?.nodes.map((action) => (
          <ActionItem key={action.id} action={action} />
        ))}
      </ol>
      {pages?.more && !error && (
        <NearEnd loading={loading} label={text.activity.more} onReach={list.loadMore} />
      )}
    </>
  );
}

function Reads({ filter, onFilter }: Props) {
  const text = useText();
  const client = useClient();
  const span = useSpan(filter);
  const key = JSON.stringify({ ...filter, view: "reads" });
  const list = usePages<AuditFactsFragment>(key, async (after, atLeast) => {
    const { data, error } = await client.query(
      AuditLogDocument,
      {
        first: Math.max(pageSize, atLeast),
        after,
        action: filter.kind || null,
        actor: filter.actor || null,
        unifiedId: filter.customer || null,
        ...span,
      },
      { requestPolicy: "network-only" },
    );
    if (!data) throw error;
    return data.auditLog;
  });
  const { pages, loading, error } = list;
  return (
    <>
      <Filters filter={filter} kinds={text.activity.auditKinds} actors={undefined} onFilter={onFilter} />
      {error && <ErrorNotice error={error} onRetry={list.reload} old={pages !== undefined} />}
      {!pages && !error && <Skeleton width="60%" />}
      {pages?.nodes.length === 0 && !error && <Count total={0} filtered={isFiltered(filter)} />}
      <ol className={styles.list} data-reads aria-busy={loading}>
        {pages?.nodes.map((entry, position) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: entries have no ID, and a new one starts the list again.
          <Read key={`${entry.at} ${position}`} entry={entry} />
        ))}
      </ol>
      {pages?.more && !error && (
        <NearEnd loading={loading} label={text.activity.more} onReach={list.loadMore} />
      )}
    </>
  );
}

function Read({ entry: { at, actor, action, subject, detail } }: { entry: AuditFactsFragment }) {
  const text = useText();
  const { operation, count } = readDetail(detail);
  return (
    <li className={styles.entry} data-read={action}>
      <div className={styles.what}>
        <p className={styles.title}>
          <b>{text.activity.auditKinds[action] ?? action}</b>
          {subject ? (
            <Link href={customerPath(subject)} className="mono" title={subject}>
              {subject.slice(0, 8)}
            </Link>
          ) : (
            <span className="soft">
              {count > 0 ? text.activity.seesCustomers(count) : text.activity.noSubject}
            </span>
          )}
        </p>
        <p className="soft small">
          <bdi>{actor}</bdi> · <When at={at} />
          {operation.length > 0 && ` · ${operation.join(", ")}`}
        </p>
      </div>
    </li>
  );
}

function Count({ total, filtered }: { total: number; filtered: boolean }) {
  const text = useText();
  const words = filtered ? text.activity.noneFiltered : text.activity.none;
  return (
    <p className="soft" role="status" data-count={total}>
      {total === 0 ? words : text.activity.count(total)}
    </p>
  );
}

/** The detail of an audit entry is JSON. */
function readDetail(detail: unknown): { operation: string[]; count: number } {
  const fields = typeof detail === "object" && detail !== null ? (detail as Record<string, unknown>) : {};
  const operation = Array.isArray(fields.operation) ? fields.operation.map(String) : [];
  return { operation, count: typeof fields.count === "number" ? fields.count : 0 };
}

const isFiltered = ({ kind, actor, from, to, customer }: ActivityFilter) =>
  [kind, actor, from, to, customer].some(Boolean);

const kinds: OperatorActionKind[] = ["MERGED", "SEPARATED", "REASSIGNED", "PUBLISHED"];
const isKind = (kind: string): kind is OperatorActionKind => (kinds as string[]).includes(kind);

/** The days of a filter as instants: from the first moment of one to the last of the other. */
function useSpan({ from, to }: ActivityFilter) {
  const format = useFormat();
  const after = (day: string) => {
    const next = new Date(day);
    next.setUTCDate(next.getUTCDate() + 1);
    return next.toISOString().slice(0, 10);
  };
  return { from: from ? format.startOf(from) : null, to: to ? format.startOf(after(to)) : null };
}

/** The names that can be filtered by. */
function useActors(): string[] | undefined {
  const client = useClient();
  const [actors, setActors] = useState<string[]>();
  useEffect(() => {
    client
      .query(OperatorActionsDocument, { first: 1 }, { requestPolicy: "network-only" })
      .toPromise()
      .then(({ data }) => setActors(data?.operatorActions.actors));
  }, [client]);
  return actors;
}
