//! The watchdog: ends a process whose storage engine is deadlocked or cannot write.
//!
//! SurrealKV 0.21.4 acquires two of its locks in one order when it reads and in the other when a flush or a compaction ends, so
//! it can deadlock (docs/operating.md). Only ending the process helps, and no acknowledged commit is lost. The watchdog never
//! ends a process whose database answers, however slowly. It counts its own checks, not time, so a machine that was suspended
//! is no false alarm.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use surrealdb::types::{RecordId, Value};

use super::{Store, exit, handle::Handle, tx};

const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Checks in a row without an answer that mean a deadlock: five minutes, far longer than the slowest answer.
const CHECKS_WITHOUT_ANSWER: u32 = 300;

/// Watches an embedded database until the process ends. A remote one has its own supervisor.
///
/// # Errors
///
/// If the thread cannot be started.
pub fn watch(store: &Arc<Store>) -> std::io::Result<()> {
    if !matches!(store.root, Handle::Embedded(..)) {
        return Ok(());
    }
    let answers = Arc::new(AtomicU64::new(0));
    tokio::spawn(count_answers(store.clone(), answers.clone()));
    // A thread of its own: all threads of the runtime may be blocked in the engine.
    thread::Builder::new().name("store-watch".to_owned()).spawn(move || {
        wait_for_deadlock(&answers, CHECKS_WITHOUT_ANSWER, || thread::sleep(CHECK_INTERVAL));
        exit::end("the storage engine has not answered for five minutes: it is deadlocked");
    })?;
    Ok(())
}

/// Counts the answers of the database. An error counts, too: clients see it.
async fn count_answers(store: Arc<Store>, answers: Arc<AtomicU64>) {
    loop {
        // The cheapest read that acquires the same locks as any other.
        let first = Value::RecordId(RecordId::new("migration", 1_i64));
        let _ = store.root.run("SELECT VALUE id FROM $row", tx::variables([("row", first)])).await;
        answers.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

/// Returns once the number of answers has not changed for `at_most` checks in a row.
fn wait_for_deadlock(answers: &AtomicU64, at_most: u32, mut pause: impl FnMut()) {
    let mut seen = answers.load(Ordering::Relaxed);
    let mut n_without = 0;
    while n_without < at_most {
        pause();
        let now = answers.load(Ordering::Relaxed);
        n_without = if now == seen { n_without + 1 } else { 0 };
        seen = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_database_without_answers_counts_as_deadlocked() {
        let answers = AtomicU64::new(0);
        let mut n_checks = 0_u32;
        wait_for_deadlock(&answers, 5, || {
            n_checks += 1;
            // Slow (an answer every four checks) for a hundred checks, then none.
            if n_checks <= 100 && n_checks.is_multiple_of(4) {
                answers.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(n_checks, 105);
    }
}
