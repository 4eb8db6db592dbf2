//! Transactions: the one place that knows what a conflict looks like.

use surrealdb::types::{QueryError, Value, Variables};

use super::{StoreError, engine::StorageEngine};

/// Distinguishes conflicts, which a retry resolves, from other errors.
///
/// In a failed transaction one statement has the reason, and the others report only that they were not executed. A conflict at
/// commit is an error of COMMIT itself; a concurrent insert of the same key is an error about an existing row.
pub(super) fn classify(errors: Vec<surrealdb::Error>) -> StoreError {
    if errors.iter().any(is_conflict) {
        return StoreError::Conflict;
    }
    // After conflicts, whose messages can contain keys and so what clients have sent.
    if errors.iter().any(|error| error.message().ends_with("another server leads")) {
        return StoreError::Deposed;
    }
    let is_sibling =
        |it: &&surrealdb::Error| matches!(it.query_details(), Some(QueryError::NotExecuted | QueryError::Cancelled));
    let to_blame = errors.iter().find(|it| !is_sibling(it)).or(errors.first()).cloned();
    match to_blame {
        Some(error) => StoreError::from(error),
        None => StoreError::Conflict,
    }
}

fn is_conflict(error: &surrealdb::Error) -> bool {
    error.query_details() == Some(&QueryError::TransactionConflict)
        || error.is_already_exists()
        || error.message().contains("This transaction can be retried")
        || error.message().contains("already exists")
        || error.message().contains("another writer was faster")
}

/// Whether the storage engine failed to write its log or its tables, for example because the disk is full.
///
/// Then a partial commit may be in the log, and a crash would lose what follows it; or every later write fails. Only reopening
/// the database helps.
pub(super) fn has_failed_to_write(error: &StoreError, storage: StorageEngine) -> bool {
    let failures: &[&str] = match storage {
        StorageEngine::SurrealKv => &[
            "WAL error: ",
            "Commit failed: ",
            "Other error: Failed to flush memtable",
            "Other error: Failed to atomically update manifest",
        ],
        // After the first failure it rejects every write until it is opened again.
        StorageEngine::RocksDb => &["IO error: "],
    };
    let StoreError::Database(error) = error else { return false };
    let reason = error.message().split_once("There was a problem with a transaction: ").map(|(_, reason)| reason);
    reason.is_some_and(|reason| failures.iter().any(|failure| reason.starts_with(failure)))
}

pub(super) fn variables<'n>(pairs: impl IntoIterator<Item = (&'n str, Value)>) -> Variables {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn no_variables() -> Variables {
    Variables::new()
}
