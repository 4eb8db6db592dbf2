//! Fills an empty database with made-up customers.

use profile360_core::message::parse::accepted::Accepted;
use profile360_demo::{GenerateOptions, generate};
use profile360_ingest::enrich::Enricher;

use crate::{
    clock,
    engine::{
        active_policy::ActivePolicy,
        pipeline::{Pipeline, PipelineError},
    },
};

/// The number of made-up customers.
pub const N_CUSTOMERS: u64 = 300;
const SEED: u64 = 360;

/// The messages of made-up customers whose last day is yesterday, so that nothing of them is in the future. CPU-bound.
///
/// # Errors
///
/// None in practice: they are generated into memory.
pub fn messages(enricher: &Enricher, policy: &ActivePolicy) -> std::io::Result<Vec<Accepted>> {
    let until = clock::today(policy).pred_opt().unwrap_or_default();
    let options = GenerateOptions { profiles: N_CUSTOMERS, seed: SEED, until };
    let mut lines = Vec::new();
    generate(&options, &mut lines, &mut std::io::sink())?;
    let text = String::from_utf8(lines).map_err(std::io::Error::other)?;
    // There are rejected messages, too, as real sources send them.
    Ok(text.lines().filter_map(|line| enricher.parse(line, policy).ok()).collect())
}

/// Ingests messages in batches.
///
/// # Errors
///
/// If one cannot be stored. Those before are.
pub async fn ingest(
    pipeline: &Pipeline,
    policy_version: i64,
    mut messages: impl Iterator<Item = Accepted>,
) -> Result<(), PipelineError> {
    const BATCH: usize = 1_000;
    loop {
        let batch: Vec<Accepted> = messages.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        pipeline.ingest(batch, policy_version).await?;
    }
}
