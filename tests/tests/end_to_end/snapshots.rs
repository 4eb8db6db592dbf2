//! Every answer is of one commit, while others write.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use chrono::Duration;
use profile360_tests::{Base, Deadline, Server, messages};
use serde_json::{Value, json};

const TURNS: u64 = 60;

/// Two people, each with the number of the turn as the name and one more purchase in each turn; all of a turn is one commit.
async fn write_turns(server: &Server) {
    let start = profile360_server::clock::now() - Duration::days(40);
    for turn in 1..=TURNS {
        let at = (start + Duration::minutes(i64::try_from(turn).expect("it is small"))).to_rfc3339();
        let of_turn: Vec<Value> = ["u1", "u2"]
            .iter()
            .flat_map(|user| {
                let who = json!({ "external_id": user });
                let [named, bought] = ["named", "bought"].map(|what| format!("{what}-{user}-{turn}"));
                let name = json!({ "df_name": turn.to_string() });
                [
                    messages::identify(&named, &at, who.clone(), name),
                    messages::purchase(&bought, &at, who, &format!("order-{user}-{turn}"), "1000"),
                ]
            })
            .collect();
        for result in server.ingest(&of_turn).await {
            assert_eq!(result["code"], Value::Null, "{result}");
        }
    }
}

/// Merges the two people and revokes that, again and again. Ends unmerged.
async fn merge_and_unmerge(server: &Server, is_over: &AtomicBool) -> usize {
    const DECIDE: &str = "mutation {
        decide(
            relation: SAME, a: { kind: \"external_id\", value: \"u1\" }, b: { kind: \"external_id\", value: \"u2\" }, reason: \"a test\"
        ) { status decision { id } profiles { unifiedId identifiers { value } } }
    }";
    const REVOKE: &str = "mutation($id: ID!) {
        revokeDecision(id: $id, reason: \"a test\") { status profiles { unifiedId identifiers { value } } }
    }";
    let mut n_merged = 0;
    while !is_over.load(Ordering::Relaxed) {
        let merged = server.ask(DECIDE, Value::Null).await["decide"].take();
        assert_eq!(merged["status"], "APPLIED", "{merged}");
        assert_eq!(merged["profiles"].as_array().map(Vec::len), Some(1), "a mutation reads its own commit: {merged}");
        let id = merged["decision"]["id"].clone();
        let unmerged = server.ask(REVOKE, json!({ "id": id })).await["revokeDecision"].take();
        assert_eq!(unmerged["status"], "APPLIED", "{unmerged}");
        assert_eq!(unmerged["profiles"].as_array().map(Vec::len), Some(2), "{unmerged}");
        n_merged += 1;
    }
    n_merged
}

/// The answers must agree with a state that was there: both people, with the name and the purchases of one turn.
#[track_caller]
fn check(customers: &BTreeMap<String, (BTreeSet<String>, u64, u64)>, answer: &Value) {
    let mut users: Vec<&String> = customers.values().flat_map(|(users, ..)| users).collect();
    users.sort();
    assert_eq!(users, ["u1", "u2"], "both, each once: {answer}");
    let turns: BTreeSet<u64> = customers.values().map(|(_, turn, _)| *turn).collect();
    assert_eq!(turns.len(), 1, "two commits in one answer: {answer}");
    let n_bought: u64 = customers.values().map(|(.., n)| n).sum();
    assert_eq!(Some(&(n_bought / 2)), turns.first(), "facts and purchases of two commits: {answer}");
    assert_eq!(n_bought % 2, 0, "{answer}");
}

fn customer(profile: &Value) -> (String, (BTreeSet<String>, u64, u64)) {
    let identifiers = profile["identifiers"].as_array().expect("a list").iter();
    let users = identifiers.filter_map(|it| it["value"].as_str()).map(str::to_owned).collect();
    let turn = profile["basic"]["name"].as_str().and_then(|it| it.parse().ok()).expect("a turn");
    let n_bought = profile["purchases"]["window"]["count"].as_u64().expect("a number");
    (profile["unifiedId"].as_str().expect("a text").to_owned(), (users, turn, n_bought))
}

const FIELDS: &str = "fragment Fields on Profile {
    unifiedId basic { name } identifiers { value } purchases { window(months: 12) { count } }
}";

async fn read_cards(server: &Server) {
    let query = format!(
        "{{ a: profile(by: {{ identifier: {{ kind: \"external_id\", value: \"u1\" }} }}) {{ ...Fields }}
            b: profile(by: {{ identifier: {{ kind: \"external_id\", value: \"u2\" }} }}) {{ ...Fields }} }} {FIELDS}"
    );
    let answer = server.answer(&query, Value::Null).await;
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    assert!(answer["extensions"]["commit"].as_i64().is_some_and(|it| 0 < it), "it says its commit: {answer}");
    check(&["a", "b"].map(|name| customer(&answer["data"][name])).into(), &answer);
}

async fn read_list(server: &Server) {
    let query = format!("{{ profiles(first: 10) {{ nodes {{ ...Fields }} totalCount }} }} {FIELDS}");
    let answer = server.answer(&query, Value::Null).await;
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    let profiles = answer["data"]["profiles"]["nodes"].as_array().expect("a list");
    assert_eq!(answer["data"]["profiles"]["totalCount"], profiles.len());
    let customers: BTreeMap<_, _> = profiles.iter().map(customer).collect();
    assert_eq!(customers.len(), profiles.len(), "none is there twice: {answer}");
    check(&customers, &answer);
}

async fn read_export(server: &Server) {
    let wanted = json!({ "format": "NDJSON", "columns": ["unified_id", "name", "identifier.external_id", "purchase_count_12m"] });
    let response = server.http.post(server.url("/v1/export")).json(&wanted).send().await.expect("it answers");
    let text = response.text().await.expect("the export ends");
    let mut customers = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("every line is JSON");
        let users = line["identifier.external_id"].as_array().expect("a list").iter();
        let users = users.filter_map(|it| it.as_str()).map(str::to_owned).collect();
        let turn = line["name"].as_str().and_then(|it| it.parse().ok()).expect("a turn");
        let n_bought = line["purchase_count_12m"].as_u64().expect("a number");
        let key = line["unified_id"].as_str().expect("a text").to_owned();
        customers.insert(key, (users, turn, n_bought));
    }
    check(&customers, &Value::from(text));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_of_one_commit() {
    let base = Base::new();
    let server = Arc::new(base.serve());
    let is_over = Arc::new(AtomicBool::new(false));
    // The first turn, so that there is something to read.
    let writing = tokio::spawn({
        let server = server.clone();
        async move { write_turns(&server).await }
    });
    let deadline = Deadline::new("the first turn to be listed");
    while server.unified_ids().await.len() < 2 {
        deadline.check("the list");
    }
    let merging = tokio::spawn({
        let (server, is_over) = (server.clone(), is_over.clone());
        async move { merge_and_unmerge(&server, &is_over).await }
    });
    let n_read = Arc::new([const { AtomicUsize::new(0) }; 3]);
    let reading: Vec<_> = (0..3)
        .map(|kind| {
            let (server, is_over, n_read) = (server.clone(), is_over.clone(), n_read.clone());
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    match kind {
                        0 => read_cards(&server).await,
                        1 => read_list(&server).await,
                        _ => read_export(&server).await,
                    }
                    n_read[kind].fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    writing.await.expect("the turns are written");
    is_over.store(true, Ordering::Relaxed);
    assert!(0 < merging.await.expect("merges and unmerges succeed"));
    for reading in reading {
        reading.await.expect("every answer is whole");
    }
    assert!(n_read.iter().all(|it| 0 < it.load(Ordering::Relaxed)), "each kind of answer was read: {n_read:?}");
}
