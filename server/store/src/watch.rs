//! The watchdog: ends a process whose storage engine is deadlocked or cannot write.
//!
//! SurrealKV 0.21.4 acquires two of its locks in one order when it reads and in the other when a flush or a compaction ends, so
//! it can deadlock (docs/operating.md). Only ending the process helps, and no acknowledged commit is lost. The watchdog never
//! ends a process whose database answers, however slowly. A deadlock uses no processor time, which distinguishes it from a
//! long computation within half a minute. The watchdog counts its own checks, not time, so a machine that was suspended is no
//! false alarm.

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
/// Checks in a row without an answer that mean a deadlock if the process computes nothing.
const IDLE_CHECKS: u32 = 30;
/// The same if the process is busy: five minutes, far longer than the slowest answer.
const BUSY_CHECKS: u32 = 300;
/// A process that used less processor time than this during [`IDLE_CHECKS`] computes nothing: timers and this watchdog need
/// about a tenth of it.
const IDLE_PROCESSOR_TIME: Duration = Duration::from_millis(1_500);

/// Watches an embedded database until the process ends. A remote one has its own supervisor.
///
/// # Errors
///
/// If the thread cannot be started.
pub fn watch(store: &Arc<Store>) -> std::io::Result<()> {
    if !matches!(*store.handle, Handle::Embedded(_)) {
        return Ok(());
    }
    let answers = Arc::new(AtomicU64::new(0));
    tokio::spawn(count_answers(store.clone(), answers.clone()));
    // A thread of its own: all threads of the runtime may be blocked in the engine.
    thread::Builder::new().name("store-watch".to_owned()).spawn(move || {
        let n_checks = wait_for_deadlock(&answers, processor_time, || thread::sleep(CHECK_INTERVAL));
        exit::end(&format!("the storage engine has not answered for {n_checks} seconds: it is deadlocked"));
    })?;
    Ok(())
}

/// Counts the answers of the database. An error counts, too: clients see it.
async fn count_answers(store: Arc<Store>, answers: Arc<AtomicU64>) {
    loop {
        // The cheapest read that acquires the same locks as any other.
        let first = Value::RecordId(RecordId::new("migration", 1_i64));
        let _ = store.handle.run("SELECT VALUE id FROM $row", tx::variables([("row", first)])).await;
        answers.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

/// Returns once the database is deadlocked, with the number of checks in a row without an answer.
fn wait_for_deadlock(
    answers: &AtomicU64,
    processor_time: impl Fn() -> Option<Duration>,
    mut pause: impl FnMut(),
) -> u32 {
    let mut seen = answers.load(Ordering::Relaxed);
    let mut used_before = processor_time();
    let mut n_without = 0;
    loop {
        pause();
        let now = answers.load(Ordering::Relaxed);
        if now != seen {
            seen = now;
            n_without = 0;
            used_before = processor_time();
            continue;
        }
        n_without += 1;
        // After a busy half minute the next one counts.
        if n_without % IDLE_CHECKS == 0 {
            let used = processor_time();
            let is_idle = used.zip(used_before).is_some_and(|(now, before)| now - before < IDLE_PROCESSOR_TIME);
            if is_idle || BUSY_CHECKS <= n_without {
                return n_without;
            }
            used_before = used;
        }
    }
}

/// The processor time that this process has used. `None` where the system does not say.
fn processor_time() -> Option<Duration> {
    /// The unit of the file, on every architecture of Linux.
    const MILLIS_PER_TICK: u64 = 10;
    // proc(5): the name of the program is in parentheses and may contain anything; user and system time are the 12th and 13th
    // field after it.
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(Duration::from_millis(ticks * MILLIS_PER_TICK))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use surrealdb::types::RecordIdKey;

    use super::{
        super::{keys, rows},
        *,
    };

    /// The checks until a database counts as deadlocked that answers every `every` checks up to `until`, in a process that uses
    /// `busy` of processor time between two checks.
    fn checks(until: u32, every: u32, busy: Option<Duration>) -> u32 {
        let answers = AtomicU64::new(0);
        let n_checks = Cell::new(0);
        let used = || busy.map(|busy| busy * n_checks.get());
        wait_for_deadlock(&answers, used, || {
            n_checks.set(n_checks.get() + 1);
            if n_checks.get() <= until && n_checks.get().is_multiple_of(every) {
                answers.fetch_add(1, Ordering::Relaxed);
            }
        });
        n_checks.get()
    }

    #[test]
    fn a_database_without_answers_counts_as_deadlocked_sooner_if_nothing_is_computed() {
        let (idle, busy) = (Duration::from_millis(5), Duration::from_millis(900));
        assert_eq!(checks(0, 1, Some(idle)), 30);
        assert_eq!(checks(100, 4, Some(idle)), 130);
        // Slow answers are answers.
        assert_eq!(checks(1_000, 29, Some(idle)), 986 + 30);
        assert_eq!(checks(100, 4, Some(busy)), 400);
        assert_eq!(checks(100, 4, None), 400);
    }

    #[test]
    fn the_system_says_the_processor_time() {
        let before = processor_time().unwrap();
        let mut n: u64 = 0;
        while processor_time().unwrap() == before {
            n = std::hint::black_box(n + 1);
        }
        assert!(before < processor_time().unwrap());
    }

    /// Looks for the deadlock of the storage engine: small memtables, so that flushes and compactions never end, many readers of
    /// ranges, and one writer, on more threads than processors.
    #[test]
    #[ignore = "runs for minutes; make deadlock MINUTES=10"]
    fn provoke_a_deadlock() {
        const READERS: usize = 7;
        const ROWS: i64 = 5_000;
        const BATCH: i64 = 200;
        let minutes: u64 = std::env::var("MINUTES").ok().and_then(|it| it.parse().ok()).unwrap_or(10);
        let folder = tempfile::tempdir().unwrap();
        let url = format!("surrealkv://{}?sync=never", folder.path().display());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(8)
            .thread_stack_size(10 << 20)
            .enable_all()
            .build();
        let runtime = runtime.unwrap();
        let db = runtime.block_on(async {
            let config = surrealdb_cnf::ConfigMap::empty()
                .with_key_value("surrealkv_block_cache_capacity", "1048576".to_owned())
                .with_key_value("surrealkv_max_memtable_size", "65536".to_owned());
            let builder = surrealdb_core::kvs::Datastore::builder().with_config(config);
            let datastore = builder.build_with_path(&url).await.unwrap();
            datastore.check_version().await.unwrap();
            datastore.bootstrap().await.unwrap();
            let db = surrealdb::Surreal::<surrealdb::engine::local::Db>::unstable_from_datastore(datastore, None);
            let db = db.await.unwrap();
            db.use_ns("n").use_db("d").await.unwrap();
            db
        });
        let steps: Arc<Vec<AtomicU64>> = Arc::new((0..=READERS).map(|_| AtomicU64::new(0)).collect());
        for task in 0..=READERS {
            let (db, steps) = (db.clone(), steps.clone());
            runtime.spawn(async move {
                for step in 0_i64.. {
                    if task == 0 {
                        let row = |n| rows::row(RecordId::new("t", (step * 7 + n * 31) % ROWS), "x".repeat(500));
                        let written = Value::from_iter((0..BATCH).map(row));
                        let query = "FOR $row IN $rows { UPSERT $row.id CONTENT $row RETURN NONE }";
                        let _ = db.query(query).bind(("rows", written)).await;
                    } else {
                        let first = (step * 131) % ROWS;
                        let (start, end) = (RecordIdKey::Number(first), RecordIdKey::Number(first + BATCH));
                        let range = Value::RecordId(keys::range("t", start, end));
                        let _ = db.query("SELECT VALUE id FROM $range").bind(("range", range)).await;
                    }
                    steps[task].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let count = || steps.iter().map(|it| it.load(Ordering::Relaxed)).collect::<Vec<_>>();
        let (mut seen, mut n_without) = (count(), 0);
        for second in 0..minutes * 60 {
            thread::sleep(CHECK_INTERVAL);
            let now = count();
            n_without = if now == seen { n_without + 1 } else { 0 };
            seen = now;
            if n_without == IDLE_CHECKS {
                println!("deadlocked after {} seconds: {seen:?} steps by the writer and the readers", second - 29);
                std::mem::forget(runtime);
                return;
            }
        }
        println!("no deadlock in {minutes} minutes: {seen:?} steps by the writer and the readers");
        runtime.shutdown_background();
    }
}
