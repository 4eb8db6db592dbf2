//! `kill -9` at any point: nothing is lost, and nothing counts twice.

use std::{
    fs::File,
    io::Write,
    process::{Child, ChildStdin, Command, Stdio},
};

use profile360_tests::{Base, crashes::newest_log, messages};
use serde_json::{Value, json};

/// Imports lines from a pipe until all are sent. Unwritten data is bounded (a pipe, a buffer, a few batches), so the import is then
/// in the middle of its work.
fn import_fed_with(base: &Base, lines: &[String]) -> (Child, ChildStdin) {
    let mut import = base
        .command(&["import", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut pipe = import.stdin.take().expect("it is piped");
    for line in lines {
        pipe.write_all(line.as_bytes()).expect("it reads on");
    }
    (import, pipe)
}

/// Intersperses empty lines. Batches are counted in lines, so there are many batches with few messages.
fn sparse(plain: &str) -> Vec<String> {
    plain.lines().map(|it| format!("{it}\n\n\n\n\n\n\n\n\n\n")).collect()
}

/// Truncates the log of the database, like a power failure in the middle of a write.
fn tear_the_log(base: &Base) {
    let newest = newest_log(base).expect("the database keeps a log");
    let log = File::options().write(true).open(newest).expect("it can be written");
    let n_bytes = log.metadata().expect("it has a size").len();
    log.set_len(n_bytes - 7).expect("it can be cut");
}

#[tokio::test]
async fn a_killed_import_is_completed_by_the_next() {
    let plain = messages::generated(120, 21);
    let lines = sparse(&plain);
    let base = Base::new();
    for (eighths, is_torn) in [(5, false), (6, true), (7, false)] {
        let (mut import, _pipe) = import_fed_with(&base, &lines[..lines.len() * eighths / 8]);
        import.kill().expect("it runs, as the pipe is still open");
        assert_eq!(import.wait().expect("it can be waited for").code(), None, "the signal ended it");
        if is_torn {
            tear_the_log(&base);
        }
        base.check();
    }
    base.write("messages.ndjson", &plain);
    let ran = base.import("messages.ndjson");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(!ran.counts().starts_with("0 messages accepted"), "something was missing: {}", ran.counts());
    assert!(!ran.counts().contains(" 0 duplicates"), "something was there: {}", ran.counts());

    let uninterrupted = Base::with(&plain);
    assert_eq!(base.check(), uninterrupted.check());
    let everything = async |base: &Base| base.serve().everything("2026-01-01").await;
    assert_eq!(everything(&base).await, everything(&uninterrupted).await);
}

#[test]
fn an_interrupted_import_prints_its_counts() {
    let plain = messages::generated(120, 22);
    let lines = sparse(&plain);
    let base = Base::new();
    let (import, pipe) = import_fed_with(&base, &lines[..lines.len() * 5 / 8]);
    let status = Command::new("kill").args(["-INT", &import.id().to_string()]).status().expect("kill can be started");
    assert!(status.success());
    drop(pipe);
    let output = import.wait_with_output().expect("it can be waited for");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
    assert!(stderr.contains("error: interrupted; "), "{stderr}");
    let n_accepted: usize = stdout.split(' ').next().and_then(|it| it.parse().ok()).expect("it is counted");
    assert!(0 < n_accepted && n_accepted < lines.len() * 5 / 8, "{stdout}");
    assert!(base.check().starts_with(&format!("{n_accepted} messages,")), "{stdout}");
}

#[tokio::test]
async fn acknowledged_messages_survive_a_kill_exactly_once() {
    let batch = |n: u32| -> Vec<Value> {
        let person = json!({ "external_id": format!("u{}", n % 4), "phone": format!("010-1234-567{}", n % 3) });
        let at = format!("2025-03-{:02}T10:00:00+09:00", n + 1);
        vec![
            messages::identify(&format!("{n}-i"), &at, person.clone(), json!({ "df_name": format!("김{n}") })),
            messages::purchase(&format!("{n}-p"), &at, person, &format!("o{}", n / 2), "1000"),
        ]
    };
    let base = Base::new();
    let mut acknowledged = Vec::new();
    let mut n = 0;
    for n_before_the_end in [1, 3, 2] {
        let server = base.serve();
        for _ in 0..n_before_the_end {
            let results = server.ingest(&batch(n)).await;
            assert!(results.iter().all(|it| it["status"] != "DUPLICATE" && it["status"] != "REFUSED"), "{results:?}");
            acknowledged.extend(batch(n));
            n += 1;
        }
        // Another message is in flight, with an unknown outcome.
        let request = json!({
            "query": "mutation($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status } } }",
            "variables": { "messages": batch(n).iter().map(messages::input).collect::<Vec<_>>() },
        });
        let on_its_way = tokio::spawn(server.http.post(server.url("/graphql")).json(&request).send());
        tokio::task::yield_now().await;
        server.kill();
        // It may have been answered or not.
        drop(on_its_way.await);
        n += 1;
        base.check();
    }
    let server = base.serve();
    let results = server.ingest(&acknowledged).await;
    assert!(results.iter().all(|it| it["status"] == "DUPLICATE"), "{results:?}");
    // After a retry it is there once.
    let all: Vec<Value> = (0..n).flat_map(batch).collect();
    server.ingest(&all).await;
    let served = server.everything("2026-01-01").await;
    assert_eq!(server.stop(), Some(0));

    let uninterrupted = Base::with(&messages::ndjson(&all));
    assert_eq!(base.check(), uninterrupted.check());
    assert_eq!(served, uninterrupted.serve().everything("2026-01-01").await);
}
