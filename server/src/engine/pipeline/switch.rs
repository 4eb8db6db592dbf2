//! The two requests of a policy rollout: to switch to the projection that it has filled, and to record what that changed.

use profile360_core::plan::changes::Changes;
use profile360_store::{Commit, LineageRow, StoreError};
use tokio::sync::{oneshot, watch};

use super::{PipelineError, Snapshot, Worker};
use crate::engine::policy_rollout::Fill;

pub(super) struct Switch {
    pub fill: Fill,
    pub reply: oneshot::Sender<Result<Fill, StoreError>>,
}

pub(super) struct Record {
    pub lineage: Vec<LineageRow>,
    pub reply: oneshot::Sender<Result<(), PipelineError>>,
}

impl Worker {
    /// Makes the projection of a fill active. It contains everything that was committed before; later requests write to it.
    pub(super) async fn switch(&mut self, switch: Switch, current: &watch::Sender<Snapshot>) {
        let Switch { mut fill, reply } = switch;
        let answer = match self.attempt_switch(&mut fill).await {
            Ok(snapshot) => {
                let mut read_ahead = std::mem::take(&mut self.read_ahead);
                read_ahead.invalidate();
                *self = Self { budget: self.budget, read_ahead, ..Self::new(snapshot.clone()) };
                current.send_replace(snapshot);
                Ok(fill)
            }
            Err(error) => Err(error),
        };
        // The caller may be gone; the switch remains.
        reply.send(answer).ok();
    }

    async fn attempt_switch(&mut self, fill: &mut Fill) -> Result<Snapshot, StoreError> {
        // Another server may have written: read the commit number again.
        self.invalidate();
        let last_commit = self.last_commit().await?;
        fill.switch(last_commit).await
    }

    /// Adds merges and unmerges to the history, in a commit that changes nothing else.
    pub(super) async fn record(&mut self, record: Record) {
        let Record { lineage, reply } = record;
        let recorded = self.attempt_record(lineage).await.map_err(|error| {
            tracing::error!(%error, "merges and unmerges of a policy were not recorded");
            self.invalidate();
            PipelineError::Unavailable
        });
        reply.send(recorded).ok();
    }

    async fn attempt_record(&mut self, lineage: Vec<LineageRow>) -> Result<(), StoreError> {
        let number = self.last_commit().await? + 1;
        let lineage: Vec<(i64, LineageRow)> = (self.n_lineage + 1..).zip(lineage).collect();
        let nothing = Changes::default();
        let commit = Commit { lineage: &lineage, ..Commit::of(number, &nothing) };
        self.snapshot.store.commit(&commit, &self.snapshot.secret).await?;
        self.publish(number, &lineage, &nothing);
        Ok(())
    }
}
