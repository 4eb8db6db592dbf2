import { useClient } from "urql";
import { Link } from "wouter";
import { NearEnd } from "../../components/NearEnd";
import { ErrorNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { Time } from "../../components/Time";
import { LineageDocument, type LineageFactsFragment } from "../../graphql/generated/graphql";
import { usePages } from "../../graphql/pages";
import { useLineageAdded } from "../../graphql/subscriptions";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { customerPath } from "../views";
import styles from "./Identity.module.css";

const pageSize = 20;

/** How this customer came to be: merges and unmerges with their causes, newest first. */
export function Lineage({ unifiedId, revision }: { unifiedId: string; revision: string }) {
  const text = useText();
  const client = useClient();
  const list = usePages<LineageFactsFragment>(`${unifiedId} ${revision}`, async (after) => {
    const { data, error } = await client.query(
      LineageDocument,
      { unifiedId, first: pageSize, after },
      { requestPolicy: "network-only" },
    );
    if (!data) throw error;
    return data.lineage;
  });
  useLineageAdded(unifiedId, list.refresh);
  const { pages, loading, error } = list;
  return (
    <>
      {error && <ErrorNotice error={error} onRetry={list.reload} />}
      {!pages && !error && <Skeleton width="60%" />}
      {pages?.nodes.length === 0 && <p className="soft">{text.identity.noLineage}</p>}
      <ol className={styles.rows} data-lineage>
        {pages?.nodes.map((event) => (
          <li key={`${event.at} ${event.kept} ${event.others.join()}`}>
            <Event event={event} />
          </li>
        ))}
      </ol>
      {pages?.more && !error && (
        <NearEnd loading={loading} label={text.identity.earlierLineage} onReach={list.loadMore} />
      )}
    </>
  );
}

function Event({ event }: { event: LineageFactsFragment }) {
  const text = useText();
  const format = useFormat();
  const { at, kind, kept, others } = event;
  return (
    <div>
      <p className={styles.event}>
        <b>{kind === "MERGED" ? text.identity.merged : text.identity.unmerged}</b>
        <ShortId id={kept} />
        <span className="soft" aria-hidden="true">
          {kind === "MERGED" ? "←" : "→"}
        </span>
        {others.map((id) => (
          <ShortId key={id} id={id} />
        ))}
      </p>
      <p className="soft small" title={format.exact(at)}>
        <Time at={at} /> · {cause(event, text)}
      </p>
    </div>
  );
}

function cause(
  { cause: code, messageId, decision, retirement, policyVersion }: LineageFactsFragment,
  text: ReturnType<typeof useText>,
): string {
  if (decision)
    return text.identity.causeDecision(decision.actor, decision.reason, decision.revokedAt != null);
  if (retirement) return text.identity.causeRetirement(retirement.actor, retirement.reason);
  if (policyVersion != null) return text.identity.causePolicy(policyVersion);
  if (messageId) return text.identity.causeMessage(messageId);
  return code;
}

function ShortId({ id }: { id: string }) {
  return (
    <Link href={customerPath(id)} className="mono" title={id}>
      {id.slice(0, 8)}
    </Link>
  );
}
