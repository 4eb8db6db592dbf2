//! Keeps SurrealKV's memory for conflicts bounded.
//!
//! SurrealKV 0.21.4 remembers the key of every row that was written, to detect conflicting commits. It forgets old keys only once
//! in 1,024 commits, however large these are (`GC_INTERVAL` in its `oracle.rs`). An import writes many millions of rows in far
//! fewer commits, so its memory would grow with its file. After [`MAX_ROWS`] rows this module makes up the number with
//! commits that write one row.

use std::sync::atomic::{AtomicUsize, Ordering};

use surrealdb::{Surreal, engine::local::Db, types::Variables};

use super::{keys, rows};

/// About 40 bytes each.
const MAX_ROWS: usize = 1 << 20;
/// As many commits as the engine waits for.
const COMMITS: usize = 1_024;
/// The setting that the commits write.
const SETTING: &str = "small_commit";

/// Counts rows that were written since the engine has forgotten old keys.
#[derive(Debug, Default)]
pub(super) struct ConflictMap {
    n_rows: AtomicUsize,
}

impl ConflictMap {
    /// Counts rows of a commit. `true` if it is time for [`forget_old_keys`].
    pub(super) fn count(&self, n_rows: usize) -> bool {
        let before = self.n_rows.fetch_add(n_rows, Ordering::Relaxed);
        let is_due = before < MAX_ROWS && MAX_ROWS <= before + n_rows;
        if is_due {
            self.n_rows.store(0, Ordering::Relaxed);
        }
        is_due
    }
}

/// Makes the engine forget the keys of all commits but those that open transactions may conflict with.
pub(super) async fn forget_old_keys(db: &Surreal<Db>) -> surrealdb::Result<()> {
    // Statements outside of a transaction are a commit each. One that changes nothing writes nothing, so the value alternates.
    let pair = "UPDATE $row.id SET p = '1' RETURN NONE;UPDATE $row.id SET p = '0' RETURN NONE;";
    let statements = format!("INSERT IGNORE INTO setting $row RETURN NONE;{}", pair.repeat(COMMITS / 2));
    let row = rows::row(keys::text_id("setting", SETTING), "0".to_owned());
    let variables: Variables = [("row".to_owned(), row)].into_iter().collect();
    let mut answer = db.query(statements).bind(variables).await?;
    answer.take_errors().into_values().next().map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_once_in_a_million_rows() {
        let map = ConflictMap::default();
        let due: Vec<bool> = [MAX_ROWS - 1, 1, 1, MAX_ROWS / 2, MAX_ROWS].map(|n_rows| map.count(n_rows)).into();
        assert_eq!(due, [false, true, false, false, true]);
    }
}
