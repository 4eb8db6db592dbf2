//! The task that seeks the lead among the servers on one database, and does what the leader must.

use std::{sync::Arc, time::Duration};

use profile360_store::{Candidate, LeadChange, StoreError};
use tokio::sync::watch;

use super::{
    pipeline::{Pipeline, new_id},
    policy_rollout::PolicyRollout,
    snapshot::Snapshot,
};

/// How often it looks whether the lead is free, or a rollout was requested.
const PAUSE: Duration = Duration::from_millis(500);

/// Seeks the lead until `stop` is set, then leaves it to other servers.
pub async fn run(pipeline: Pipeline, rollout: Arc<PolicyRollout>, mut stop: watch::Receiver<bool>) {
    let mut candidate = Candidate::new(new_id().to_string());
    let (mut has_begun, mut has_failed) = (false, false);
    while !*stop.borrow() {
        let done = step(&pipeline, &rollout, &mut candidate, &mut has_begun).await;
        match &done {
            Err(error) if !has_failed => {
                tracing::error!(%error, "whether this server leads is not known; trying again");
            }
            Ok(()) if has_failed => tracing::info!("whether this server leads is known again"),
            _ => {}
        }
        has_failed = done.is_err();
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    rollout.stop().await;
    if let Err(error) = pipeline.snapshot().store.step_down().await {
        tracing::warn!(%error, "other servers wait until they notice that this one has stopped");
    }
}

/// `has_begun`: this server leads, and what the leader before it has left is done.
async fn step(
    pipeline: &Pipeline,
    rollout: &Arc<PolicyRollout>,
    candidate: &mut Candidate,
    has_begun: &mut bool,
) -> Result<(), StoreError> {
    let snapshot = pipeline.snapshot();
    let Snapshot { store, directory, .. } = &snapshot;
    match store.seek_lead(candidate).await? {
        LeadChange::Kept if *has_begun => rollout.start_requested(pipeline).await.map(drop),
        LeadChange::Gained | LeadChange::Kept => {
            directory.touch_unlisted(store).await?;
            rollout.resume(pipeline).await?;
            *has_begun = true;
            Ok(())
        }
        LeadChange::Follows => {
            *has_begun = false;
            rollout.observe(&snapshot).await
        }
    }
}
