//! The two requests of a policy rollout: to switch to the projection that it has filled, and to record what that changed.

use profile360_store::{LineageRow, StoreError};
use tokio::sync::oneshot;

use super::PipelineError;
use crate::engine::policy_rollout::Fill;

/// Makes the projection of a fill active. It contains everything that was committed before; later requests write to it.
#[derive(Debug)]
pub(super) struct Switch {
    pub fill: Fill,
    pub reply: oneshot::Sender<Result<Fill, StoreError>>,
}

/// Adds merges and unmerges to the history.
#[derive(Debug)]
pub(super) struct Record {
    pub lineage: Vec<LineageRow>,
    pub reply: oneshot::Sender<Result<(), PipelineError>>,
}
