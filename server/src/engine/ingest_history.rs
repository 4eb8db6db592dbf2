//! The background task that writes the ingestion counters of each hour, away from the path of messages.

use std::{sync::Arc, time::Duration};

use profile360_store::{Store, StoreError};
use tokio::sync::watch;

use super::{
    ingest_stats::{IngestStats, KEPT_HOURS, hour_of},
    snapshot::Snapshot,
};
use crate::clock;

/// A kill loses at most what was counted for this long.
const WRITE_EVERY: Duration = Duration::from_secs(60);

/// A server that was stopped for long leaves old rows. Those of this many hours are removed at each write.
const REMOVED_HOURS: i64 = 31 * 24;

/// Adds the stored hours to the counters.
///
/// # Errors
///
/// If they cannot be read.
pub async fn restore(store: &Store, ingest_stats: &IngestStats) -> Result<(), StoreError> {
    let last = hour_of(clock::now());
    ingest_stats.restore(store.ingest_hours(last - kept() + 1, last).await?);
    Ok(())
}

/// Writes the hours that changed, every minute, until `stop` is set.
pub async fn run(editions: watch::Receiver<Snapshot>, ingest_stats: Arc<IngestStats>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(WRITE_EVERY) => {}
            _ = stop.changed() => return,
        }
        let snapshot = editions.borrow().clone();
        observe(&snapshot, &ingest_stats);
        write(&snapshot.store, &ingest_stats).await;
    }
}

/// Takes over the number of customers, merges and unmerges.
pub fn observe(snapshot: &Snapshot, ingest_stats: &IngestStats) {
    let customers = snapshot.directory.read(profile360_directory::Index::len) as u64;
    ingest_stats.note_customers(clock::now(), customers, snapshot.events.lineage_counts());
}

/// Writes the hours that changed. What cannot be written is tried again the next time.
pub async fn write(store: &Store, ingest_stats: &IngestStats) {
    let hours = ingest_stats.take_unwritten();
    if hours.is_empty() {
        return;
    }
    let kept_from = hour_of(clock::now()) - kept() + 1;
    if let Err(error) = store.write_ingest_hours(&hours, kept_from - REMOVED_HOURS, kept_from).await {
        tracing::warn!(%error, "the ingestion counters could not be written; they are tried again in a minute");
        ingest_stats.keep_unwritten(hours.into_iter().map(|(hour, _)| hour));
    }
}

fn kept() -> i64 {
    i64::try_from(KEPT_HOURS).unwrap_or(i64::MAX)
}
