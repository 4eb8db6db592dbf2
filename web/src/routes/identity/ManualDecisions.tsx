import { useClient } from "urql";
import { NearEnd } from "../../components/NearEnd";
import { ErrorNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { type ActionFactsFragment, OperatorActionsDocument } from "../../graphql/generated/graphql";
import { usePages } from "../../graphql/pages";
import { useText } from "../../language/language";
import { ActionItem } from "../activity/ActionItem";
import activity from "../activity/Activity.module.css";

const pageSize = 20;

/** What operators did with this customer, newest first: one entry for each merge, separation and reassignment. */
export function ManualDecisions({ unifiedId, revision }: { unifiedId: string; revision: string }) {
  const text = useText();
  const client = useClient();
  const list = usePages<ActionFactsFragment>(`${unifiedId} ${revision}`, async (after, atLeast) => {
    const { data, error } = await client.query(
      OperatorActionsDocument,
      { unifiedId, first: Math.max(pageSize, atLeast), after },
      { requestPolicy: "network-only" },
    );
    if (!data) throw error;
    return data.operatorActions;
  });
  const { pages, loading, error } = list;
  return (
    <>
      {error && <ErrorNotice error={error} onRetry={list.reload} old={pages !== undefined} />}
      {!pages && !error && <Skeleton width="60%" />}
      {pages?.nodes.length === 0 && <p className="soft">{text.identity.noDecisions}</p>}
      <ol className={activity.list} data-decisions>
        {pages?.nodes.map((action) => (
          <ActionItem key={action.id} action={action} />
        ))}
      </ol>
      {pages?.more && !error && (
        <NearEnd loading={loading} label={text.identity.earlierLineage} onReach={list.loadMore} />
      )}
    </>
  );
}
