//! Repeatedly kills a server while several clients write, and checks that everything acknowledged is there.

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{Base, ENGINE, Server, messages};

const CLIENTS: usize = 4;
/// Messages per repeated batch.
const SENT_AGAIN: usize = 500;

/// The result of a run of kills.
#[derive(Debug, Default)]
pub struct Survived {
    pub kills: usize,
    pub acknowledged: usize,
    /// Messages that were acknowledged but lost. Must be empty.
    pub lost: Vec<String>,
    /// How many starts recovered a log.
    pub recoveries: usize,
}

/// Kills and restarts a server, each time after some acknowledgment. After each start, everything that was acknowledged since the
/// previous start is sent again and must be known; at the end, everything.
pub async fn survive(base: &Base, kills: usize, seed: u64) -> Survived {
    let mut survived = Survived::default();
    let mut all = Vec::new();
    let mut random = seed;
    let mut server = base.serve();
    for kill in 0..kills {
        let at_most = 1 + next(&mut random) % 60;
        let acknowledged = write_until_killed(server, kill, usize::try_from(at_most).unwrap_or(1)).await;
        let tail = usize::try_from(next(&mut random) % 13).unwrap_or_default();
        if kill % 2 == 1 {
            begin_a_record(base, tail);
        }
        server = base.serve();
        survived.kills += 1;
        survived.recoveries += usize::from(server.log().contains("recovered from its log"));
        survived.acknowledged += acknowledged.len();
        survived.lost.extend(unknown(&server, &acknowledged).await);
        all.extend(acknowledged);
    }
    survived.lost.extend(unknown(&server, &all).await);
    assert_eq!(server.stop(), Some(0));
    survived
}

/// Writes from several clients and kills the server after a number of acknowledgments. Returns the acknowledged messages.
async fn write_until_killed(server: Server, kill: usize, acknowledgements: usize) -> Vec<Value> {
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let (n_answers, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let url = server.url("/graphql");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (http, url) = (server.http.clone(), url.clone());
            let (acknowledged, n_answers, enough) = (acknowledged.clone(), n_answers.clone(), enough.clone());
            tokio::spawn(async move {
                for batch in 0_usize.. {
                    let sent = batch_of(kill, client, batch);
                    let inputs: Vec<Value> = sent.iter().map(messages::input).collect();
                    let body = json!({ "query": messages::INGEST, "variables": { "messages": inputs } });
                    // Without an answer, the outcome is unknown.
                    let Ok(response) = http.post(&url).json(&body).send().await else { return };
                    let Ok(answer) = response.json::<Value>().await else { return };
                    let results = answer["data"]["ingest"]["results"].as_array().cloned().unwrap_or_default();
                    assert_eq!(results.len(), sent.len(), "{answer}");
                    assert!(
                        results.iter().all(|it| it["status"] != "DUPLICATE" && it["status"] != "REFUSED"),
                        "{answer}"
                    );
                    acknowledged.lock().unwrap_or_else(PoisonError::into_inner).extend(sent);
                    if n_answers.fetch_add(1, Ordering::SeqCst) + 1 == acknowledgements {
                        enough.notify_one();
                    }
                }
            })
        })
        .collect();
    enough.notified().await;
    server.kill();
    for client in clients {
        client.await.expect("a client does not panic");
    }
    std::mem::take(&mut acknowledged.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Messages of a few linked customers. Some span several blocks of the log.
fn batch_of(kill: usize, client: usize, batch: usize) -> Vec<Value> {
    (0..=batch % 3)
        .map(|n| {
            let id = format!("{kill}-{client}-{batch}-{n}");
            let identifiers =
                json!({ "external_id": format!("u{}", (batch + n) % 7), "device_id": format!("d{client}-{}", batch % 5) });
            let n_letters = if batch % 8 == 3 { 70_000 } else { 20 };
            let text = "x".repeat(n_letters);
            messages::event(&id, "2025-03-01T10:00:00Z", identifiers, "seen", json!({ "text": text }))
        })
        .collect()
}

/// The IDs of acknowledged messages that are unknown.
async fn unknown(server: &Server, acknowledged: &[Value]) -> Vec<String> {
    let mut unknown = Vec::new();
    for sent in acknowledged.chunks(SENT_AGAIN) {
        let results = server.ingest(sent).await;
        let lost = results.iter().filter(|it| it["status"] != "DUPLICATE");
        unknown.extend(lost.map(|it| it["messageId"].as_str().unwrap_or_default().to_owned()));
    }
    unknown
}

/// Appends the start of a record, as a power failure does: `n` bytes, or zeros if `n` is even.
fn begin_a_record(base: &Base, n_bytes: usize) {
    let Some(log) = newest_log(base) else { return };
    let beginning = fs::read(&log).expect("it can be read");
    let zeros = vec![0; n_bytes];
    let bytes = if n_bytes % 4 == 2 { zeros.as_slice() } else { beginning.get(..n_bytes).unwrap_or_default() };
    let mut log = File::options().append(true).open(log).expect("it can be written");
    log.write_all(bytes).expect("it can be written");
}

/// The newest segment of the log.
pub fn newest_log(base: &Base) -> Option<PathBuf> {
    let (folder, suffix) = if ENGINE == "rocksdb" { ("data", "log") } else { ("data/wal", "wal") };
    let logs = fs::read_dir(base.path(folder)).ok()?;
    let paths = logs.filter_map(|it| Some(it.ok()?.path()));
    paths.filter(|path| path.extension().is_some_and(|extension| extension == suffix)).max()
}

/// A deterministic generator (splitmix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
