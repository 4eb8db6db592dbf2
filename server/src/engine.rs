//! Writing: one pipeline plans and commits, and what reads depend on follows each commit.

pub mod active_policy;
pub mod directory;
pub mod directory_updater;
pub mod events;
pub mod inbox;
pub mod ingest;
pub mod ingest_history;
pub mod ingest_stats;
pub mod leadership;
pub mod pipeline;
mod planning;
pub mod policy_rollout;
pub mod snapshot;
pub mod state;
