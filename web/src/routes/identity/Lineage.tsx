import { useClient } from "urql";
import { NearEnd } from "../../components/NearEnd";
import { ErrorNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { LineageDocument, type LineageFactsFragment } from "../../graphql/generated/graphql";
import { usePages } from "../../graphql/pages";
import { useLineageAdded } from "../../graphql/subscriptions";
import { useText } from "../../language/language";
import { CustomersOf, UndoButton, When } from "../activity/ActionItem";
import activity from "../activity/Activity.module.css";

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
      <ol className={activity.list} data-lineage>
        {pages?.nodes.map((event) => (
          <li className={activity.entry} key={`${event.at} ${event.kept} ${event.others.join()}`}>
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
  const { at, kind, customers, decision, retirement } = event;
  const made = decision ?? retirement;
  return (
    <>
      <div className={activity.what}>
        <p className={activity.title}>
          <b>{kind === "MERGED" ? text.identity.merged : text.identity.unmerged}</b>
          <CustomersOf customers={customers} sign={kind === "MERGED" ? "+" : "/"} />
        </p>
        {made && <p>“{made.reason}”</p>}
        <p className="soft small">
          <When at={at} /> · {cause(event, text)}
        </p>
      </div>
      {made && !made.revokedAt && (
        <UndoButton
          id={made.id}
          reason={made.reason}
          kind={retirement ? "REASSIGNED" : decision?.relation === "SAME" ? "MERGED" : "SEPARATED"}
        />
      )}
    </>
  );
}

function cause(
  { cause: code, messageId, decision, retirement, policyVersion }: LineageFactsFragment,
  text: ReturnType<typeof useText>,
): string {
  if (decision) return text.identity.causeDecision(decision.actor, decision.revokedAt != null);
  if (retirement) return text.identity.causeRetirement(retirement.actor);
  if (policyVersion != null) return text.identity.causePolicy(policyVersion);
  if (messageId) return text.identity.causeMessage(messageId);
  return code;
}
