//! Ends a process whose storage engine stands still or cannot write.
//!
//! SurrealKV 0.21.4 takes two of its locks in one order where it reads and in the other where a flush or a compaction ends;
//! where the two meet, whoever asks the base waits for ever (docs/operating.md). Nothing that was acknowledged is lost by
//! ending the process, and nothing but ending it helps. This module never ends a process whose base answers, however slowly:
//! it counts its own looks, not the time, so a machine that was asleep is not taken for a base that is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use surrealdb::types::{RecordId, Value};

use super::{Store, connect::Handle, tx};

const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// How many looks in a row without an answer mean that none will come: five minutes, far more than the slowest answer takes.
const LOOKS_WITHOUT_ANSWER: u32 = 300;
/// What the process ends with: `EX_TEMPFAIL` of sysexits.h, "try again".
const EXIT_CODE: i32 = 75;

/// Watches an embedded base for as long as the process lives. A base behind a network has its own supervisor.
///
/// # Errors
///
/// When the watching thread cannot be started.
pub fn watch(store: &Arc<Store>) -> std::io::Result<()> {
    if !matches!(store.root, Handle::Embedded(..)) {
        return Ok(());
    }
    let answers = Arc::new(AtomicU64::new(0));
    tokio::spawn(keep_asking(store.clone(), answers.clone()));
    // A thread of its own: those of the runtime may all be standing in the engine.
    thread::Builder::new().name("store-watch".to_owned()).spawn(move || {
        wait_for_standstill(&answers, LOOKS_WITHOUT_ANSWER, || thread::sleep(BETWEEN_LOOKS));
        end("the storage engine has not answered for five minutes and will not");
    })?;
    Ok(())
}

/// Ends the process without closing anything; the next start recovers what was acknowledged.
pub(super) fn end(reason: &str) -> ! {
    #[expect(clippy::print_stderr, reason = "the log may be blocked, too")]
    {
        let first = if is_disk_full(reason) { "the disk is full: free some of it, then " } else { "" };
        eprintln!(
            "error: {reason} (docs/operating.md); {first}start the program again, nothing that was acknowledged is lost"
        );
    }
    #[expect(clippy::exit, reason = "nothing can be closed whose locks are never released, or whose disk is full")]
    std::process::exit(EXIT_CODE)
}

/// Whether an error of the engine is for want of room.
pub(super) fn is_disk_full(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("no space left")
}

/// Counts what the base answers. An error is an answer, too: who asks sees it.
async fn keep_asking(store: Arc<Store>, answers: Arc<AtomicU64>) {
    loop {
        // One row by its ID takes the same locks as any other read, and is the cheapest.
        let first = Value::RecordId(RecordId::new("migration", 1_i64));
        let _ = store.root.run("SELECT VALUE id FROM $row", tx::variables([("row", first)])).await;
        answers.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Comes back when the number of answers has been the same for `at_most` looks in a row.
fn wait_for_standstill(answers: &AtomicU64, at_most: u32, mut pause: impl FnMut()) {
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
    fn only_a_base_that_answers_nothing_for_long_enough_stands_still() {
        let answers = AtomicU64::new(0);
        let mut n_looks = 0_u32;
        wait_for_standstill(&answers, 5, || {
            n_looks += 1;
            // Slow, four looks an answer, for a hundred looks; nothing after that.
            if n_looks <= 100 && n_looks.is_multiple_of(4) {
                answers.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(n_looks, 105);
    }
}
