//! Fills an empty database with made-up customers.

use profile360_demo::{GenerateOptions, generate};

use crate::{
    clock,
    engine::{
        active_policy::PolicyVersion,
        ingest::{IngestError, IngestService, Sender},
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
pub fn messages(policy: &PolicyVersion) -> std::io::Result<String> {
    let until = clock::today(policy).pred_opt().unwrap_or_default();
    let options = GenerateOptions { profiles: N_CUSTOMERS, seed: SEED, until };
    let mut lines = Vec::new();
    generate(&options, &mut lines, &mut std::io::sink())?;
    String::from_utf8(lines).map_err(std::io::Error::other)
}

/// Ingests messages, one a line, in batches. Returns how many were accepted.
///
/// # Errors
///
/// If one cannot be stored. Those before are.
pub async fn ingest(service: &IngestService, sender: Sender<'_>, messages: &str) -> Result<usize, IngestError> {
    const BATCH: usize = 1_000;
    let mut lines = messages.lines().peekable();
    let mut n_accepted = 0;
    while lines.peek().is_some() {
        let mut batch = service.batch();
        for line in lines.by_ref() {
            // There are rejected messages, too, as real sources send them.
            if let Ok(message) = batch.parse(line) {
                batch.add(Ok(message));
            }
            if batch.len() == BATCH {
                break;
            }
        }
        let outcomes = batch.ingest(sender).await?.outcomes;
        n_accepted += outcomes.iter().filter(|outcome| !outcome.is_refused()).count();
    }
    Ok(n_accepted)
}
