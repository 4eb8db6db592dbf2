//! Recovery of an embedded database from its log after a crash.

use std::{fs, path::Path};

use profile360_store::Store;
use profile360_tests::{
    Base, Deadline, ENGINE,
    crashes::{self, newest_log},
    in_process, messages,
};
use serde_json::{Value, json};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("it is a folder") {
        let entry = entry.expect("it can be listed");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("it can be copied");
        }
    }
}

/// A copy of the database as a kill would leave it now.
fn killed(base: &Base) -> Base {
    let copied = Base::new();
    copy(&base.path("data"), &copied.path("data"));
    copied
}

async fn open(base: &Base) -> Store {
    profile360_store::connect(&base.database()).await.expect("the base can be opened")
}

async fn write(store: &Store, name: &str, n_bytes: usize) {
    store.setting_or(name, &"x".repeat(n_bytes)).await.expect("it can be written");
}

async fn expect_written(base: &Base, names: &[String], when: &str) {
    let store = open(base).await;
    for name in names {
        let found = store.setting(name).await.expect("it can be read");
        assert!(found.is_some(), "{name} was acknowledged and is missing: {when}");
    }
    store.close().await;
}

fn n_bytes_of_log(base: &Base) -> usize {
    let log = newest_log(base).expect("there is a log");
    usize::try_from(fs::metadata(log).expect("it has a size").len()).expect("it is not that long")
}

/// A killed database, and the offsets in its log at which its last writes end.
async fn written() -> (Base, Vec<(String, usize)>) {
    let base = Base::new();
    let store = open(&base).await;
    let mut ends = Vec::new();
    for (name, n_bytes) in [("first", 10), ("long", 70_000), ("last but one", 10), ("last", 100)] {
        write(&store, name, n_bytes).await;
        ends.push((name.to_owned(), n_bytes_of_log(&base)));
    }
    let killed = killed(&base);
    store.close().await;
    (killed, ends)
}

/// Truncates the log, writes, and is killed in the middle of a record. Everything acknowledged and not truncated must be there.
async fn cut_at(base: &Base, ends: &[(String, usize)], cut: usize) {
    let cut_off = killed(base);
    let log = newest_log(&cut_off).expect("there is a log");
    fs::File::options().write(true).open(&log).and_then(|it| it.set_len(cut as u64)).expect("it can be cut");
    let when = format!("cut at byte {cut} of {}", ends.last().expect("there is a last").1);
    let mut names: Vec<String> = ends.iter().filter(|(_, end)| *end <= cut).map(|(name, _)| name.clone()).collect();
    let store = open(&cut_off).await;
    for name in ["later", "latest"] {
        write(&store, name, 30).await;
        names.push(name.to_owned());
    }
    let again = killed(&cut_off);
    store.close().await;
    expect_written(&cut_off, &names, &format!("{when}, closed")).await;
    // The start of a record.
    let log = newest_log(&again).expect("there is a log");
    let mut bytes = fs::read(&log).expect("it can be read");
    bytes.extend_from_within(..cut % 9);
    fs::write(&log, bytes).expect("it can be written");
    expect_written(&again, &names, &format!("{when}, killed again")).await;
}

#[test]
fn a_truncated_log_loses_only_what_is_cut() {
    in_process(async {
        let (base, ends) = written().await;
        let [first, long, last_but_one, last] = [0, 1, 2, 3].map(|it: usize| ends[it].1);
        // Less than the head of a record, a whole block, and all but its end.
        let cuts =
            [first + 3, first + 32_768, long - 1, last_but_one, last_but_one + 1, last_but_one + 6, last - 1, last];
        for cut in cuts {
            cut_at(&base, &ends, cut).await;
        }
    });
}

/// The engine rotates its log after writing a commit that does not fit into the memtable.
#[test]
fn commits_that_cause_a_log_rotation_survive_a_crash() {
    const ENOUGH: usize = 400;
    in_process(async {
        let base = Base::new();
        let store = open(&base).await;
        let first = newest_log(&base).expect("there is a log");
        let mut names = Vec::new();
        while newest_log(&base).as_ref() == Some(&first) {
            assert!(names.len() < ENOUGH, "the log is rotated after 128 MiB");
            names.push(format!("{}", names.len()));
            write(&store, &names[names.len() - 1], 1_000_000).await;
        }
        // The previous memtable is flushed concurrently, and then the segment is removed.
        let deadline = Deadline::new("the first segment of the log to be removed");
        while first.exists() {
            deadline.check(names.len());
            names.push(format!("{}", names.len()));
            write(&store, &names[names.len() - 1], 10).await;
        }
        let killed = killed(&base);
        store.close().await;
        expect_written(&killed, &names, "killed after a rotation").await;
    });
}

#[tokio::test]
async fn a_database_without_its_manifest_is_not_treated_as_new() {
    let base = Base::new();
    assert_eq!(base.serve().stop(), Some(0));
    let (manifest, reason) = match ENGINE {
        "rocksdb" => ("data/CURRENT", "CURRENT is missing"),
        _ => ("data/manifest/00000000000000000000.manifest", "is missing or cut short"),
    };
    fs::remove_file(base.path(manifest)).expect("it can be removed");
    let ran = base.run(&["check"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
}

#[tokio::test]
async fn kills_lose_no_acknowledged_message() {
    let base = Base::new();
    let survived = crashes::survive(&base, 8, 16).await;
    assert_eq!(survived.lost, Vec::<String>::new(), "{survived:?}");
    // RocksDB recovers its log silently.
    let expected = if ENGINE == "rocksdb" { 0 } else { survived.kills };
    assert_eq!(survived.recoveries, expected, "each start logs its recovery");
    base.check();
}

/// A failed write can leave a partial commit in the log, and a crash would lose everything after it.
#[tokio::test]
async fn a_server_that_cannot_write_exits_and_loses_nothing() {
    const TRY_AGAIN: i32 = 75;
    let base = Base::new();
    let server = base.serve_with_files_of(400);
    let mut acknowledged = Vec::new();
    for n in 0.. {
        let text = "x".repeat(if n % 2 == 0 { 40_000 } else { 10 });
        let who = json!({ "external_id": format!("u{}", n % 3) });
        let sent = messages::event(&n.to_string(), "2025-03-01T10:00:00Z", who, "seen", json!({ "text": text }));
        let body = json!({ "query": messages::INGEST, "variables": { "messages": [messages::input(&sent)] } });
        let Ok(response) = server.http.post(server.url("/graphql")).json(&body).send().await else { break };
        let Ok(answer) = response.json::<Value>().await else { break };
        if answer["data"]["ingest"]["results"][0]["status"].is_string() {
            acknowledged.push(sent);
        }
        assert!(n < 1_000, "a file of the database reaches 400 KiB");
    }
    let log = server.log();
    assert_eq!(server.wait(), Some(TRY_AGAIN), "{log}");
    let server = base.serve();
    let results = server.ingest(&acknowledged).await;
    assert!(!results.is_empty() && results.iter().all(|it| it["status"] == "DUPLICATE"), "{results:?}");
    assert_eq!(server.stop(), Some(0));
    base.check();
}

/// Long runs: `make chaos`.
mod long {
    use super::*;

    #[tokio::test]
    #[ignore = "takes long; make chaos runs it"]
    async fn kills_lose_no_acknowledged_message() {
        let kills = std::env::var("KILLS").ok().and_then(|it| it.parse().ok()).unwrap_or(300);
        let base = Base::new();
        let survived = crashes::survive(&base, kills, 360).await;
        let crashes::Survived { kills, acknowledged, lost, recoveries } = &survived;
        println!("{kills} kills, {recoveries} recoveries, {acknowledged} messages acknowledged, {} lost", lost.len());
        assert_eq!(*lost, Vec::<String>::new());
        base.check();
    }

    #[test]
    #[ignore = "takes long; make chaos runs it"]
    fn a_log_truncated_at_every_byte_loses_only_what_is_cut() {
        in_process(async {
            let (base, ends) = written().await;
            let [from, to] = [1, 3].map(|it: usize| ends[it].1);
            for cut in from..=to {
                cut_at(&base, &ends, cut).await;
            }
            println!("{} cuts, nothing lost", to - from + 1);
        });
    }
}
