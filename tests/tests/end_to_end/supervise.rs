//! The parent process that starts a server again.

use std::{fs, process::Command};

use profile360_tests::{Base, Deadline, Server, messages};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// The server proper that a parent has started.
fn supervised(parent: &Server) -> u32 {
    let deadline = Deadline::new("the server that the parent starts");
    loop {
        for entry in fs::read_dir("/proc").expect("it can be listed").flatten() {
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let arguments: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
            let is_child = arguments
                .windows(2)
                .any(|pair| pair == [b"--supervised-by".as_slice(), parent.id().to_string().as_bytes()]);
            if let (true, Some(id)) = (is_child, entry.file_name().to_str().and_then(|it| it.parse().ok())) {
                return id;
            }
        }
        deadline.check("none yet");
    }
}

fn message() -> Value {
    messages::identify("m1", "2026-01-01T00:00:00Z", json!({ "external_id": "a" }), json!({}))
}

fn kill(process: u32) {
    let status = Command::new("kill").args(["-KILL", &process.to_string()]).status().expect("kill can be started");
    assert!(status.success());
}

/// Waits until a process has ended. Its status may not have been read yet.
fn wait_for_end(process: u32) {
    let deadline = Deadline::new("the end of the server");
    while let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) {
        if stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')) {
            return;
        }
        deadline.check(&stat);
    }
}

#[tokio::test]
async fn a_killed_server_is_started_again_and_has_all_that_it_acknowledged() {
    let base = Base::new();
    let server = base.serve_with(&["--supervise=true"]);
    let message = message();
    assert_eq!(server.ingest(std::slice::from_ref(&message)).await[0]["status"], "CREATED");

    let first = supervised(&server);
    kill(first);
    let deadline = Deadline::new("the next server");
    let mut n_unavailable = 0;
    loop {
        // A connection that the killed server had accepted is cut.
        if let Ok(response) = server.http.get(server.url("/readyz")).send().await {
            match response.status() {
                StatusCode::OK => break,
                status => {
                    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                    assert!(response.headers().contains_key("retry-after"), "{response:?}");
                    let body: Value = response.json().await.expect("answers are JSON");
                    n_unavailable += usize::from(body["code"] == "UNAVAILABLE");
                }
            }
        }
        deadline.check(n_unavailable);
    }
    assert_ne!(n_unavailable, 0, "clients are asked to retry");
    let second = supervised(&server);
    assert_ne!(first, second);
    assert_eq!(server.ingest(&[message]).await[0]["status"], "DUPLICATE");
    assert!(server.log().contains("the server is starting again"), "{}", server.log());

    assert_eq!(server.stop(), Some(0));
    wait_for_end(second);
    base.check();
}

#[tokio::test]
async fn a_server_ends_with_its_parent() {
    let base = Base::new();
    let parent = base.serve_with(&["--supervise=true"]);
    let server = supervised(&parent);
    let message = message();
    assert_eq!(parent.ingest(&[message]).await[0]["status"], "CREATED");
    parent.kill();
    wait_for_end(server);
    assert!(base.check().starts_with("1 messages, "));
}

#[tokio::test]
async fn the_parent_reports_why_a_server_cannot_start() {
    let base = Base::new();
    let running = base.serve();
    let ran = base.run(&["serve", "--listen", "127.0.0.1:0", "--supervise=true"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("another process has it open"), "{}", ran.stderr);
    drop(running);
    let ran = base.run(&["serve", "--supervised-by", "1"]);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
}
