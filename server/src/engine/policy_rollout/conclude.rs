//! What is left once a policy is in force, and nothing waits for. A start goes on with it where it was interrupted.

use std::sync::Arc;

use profile360_core::{policy::compiled::CompiledPolicy, time::Timestamp};
use profile360_store::{Cause, HistoryDue, LineageRow, Store, StoreError};

use super::{RolloutError, compare, compiled, redirect};
use crate::{
    clock,
    engine::{
        active_policy::ActivePolicy, directory::Directory, pipeline::Pipeline, snapshot::Snapshot, state::States,
    },
};

/// Merges and unmerges per commit.
const AT_ONCE: usize = 1_000;

/// Concludes the last rollout: completes the list of the projection before it, so that going back finds it complete, and adds the
/// merges and unmerges that the policy caused to the history. `redirects`: unified IDs were not redirected yet.
pub(super) async fn conclude(pipeline: &Pipeline, redirects: bool) -> Result<(), RolloutError> {
    let Snapshot { store, policy, secret, events, caches, .. } = pipeline.snapshot();
    let Some(due) = store.history_due().await? else { return Ok(()) };
    if let Some((number, before)) = store.previous_projection().await? {
        let previous = store.inactive(number);
        if let Some(compiled) = compiled(&store, before.policy).await? {
            complete_list(&previous, before.policy, compiled, events, caches).await?;
        }
        if redirects {
            redirect::all(&previous, &store, &policy).await?;
        }
        let comparison = compare::identities(&previous, &store, &secret).await?;
        let at = Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST);
        let cause = Cause::Policy(due.policy);
        let recorded = recorded_since(&store, &due).await?;
        let rows = comparison.lineage.into_iter().map(|lineage| LineageRow {
            at,
            kind: lineage.kind,
            kept: lineage.kept,
            others: lineage.others,
            cause: cause.clone(),
        });
        let is_same = |one: &LineageRow, other: &LineageRow| {
            (one.kind, one.kept, &one.others) == (other.kind, other.kept, &other.others)
        };
        let rows: Vec<LineageRow> = rows.filter(|row| !recorded.iter().any(|known| is_same(known, row))).collect();
        for rows in rows.chunks(AT_ONCE) {
            pipeline.record_lineage(rows.to_vec()).await?;
        }
    }
    store.set_history_recorded().await?;
    Ok(())
}

async fn complete_list(
    store: &Store,
    version: i64,
    policy: CompiledPolicy,
    events: Arc<crate::engine::events::Events>,
    caches: crate::memory::CacheSizes,
) -> Result<(), StoreError> {
    let policy = ActivePolicy::load(store, version, policy).await?;
    let directory = Directory::load(store, &policy, events, caches).await?;
    directory.set_notify(false);
    directory.catch_up(store, &Arc::new(States::fixed(policy)), |_| {}).await
}

/// The merges and unmerges of the policy that an interrupted conclusion has recorded.
async fn recorded_since(store: &Store, due: &HistoryDue) -> Result<Vec<LineageRow>, StoreError> {
    let numbers: Vec<i64> = (due.after + 1..=store.n_lineage().await?).collect();
    let rows = store.lineage(&numbers).await?.into_iter().map(|(_, row)| row);
    Ok(rows.filter(|row| row.cause == Cause::Policy(due.policy)).collect())
}
