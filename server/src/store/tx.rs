//! Transactions: the one place that knows what a conflict looks like.

use surrealdb::types::{QueryError, Value, Variables};

use super::StoreError;

/// Tells a conflict, after which planning again helps, from everything else.
///
/// In a transaction the statement that is to blame carries the reason and its siblings only say that they were not
/// executed; a conflict at commit stands on the COMMIT itself; a rival that was there first shows as a row that exists.
pub(super) fn classify(errors: Vec<surrealdb::Error>) -> StoreError {
    if errors.iter().any(is_conflict) {
        return StoreError::Conflict;
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

pub(super) fn variables<'n>(pairs: impl IntoIterator<Item = (&'n str, Value)>) -> Variables {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn no_variables() -> Variables {
    Variables::new()
}
