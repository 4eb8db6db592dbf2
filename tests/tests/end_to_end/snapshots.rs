//! Every answer is of one commit, while others write.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use chrono::Duration;
use profile360_core::{
    evidence::{
        decision::{Decision, Relation, Revocation},
        link::Pair,
        retirement::Retirement,
    },
    graph::rows::LinkState,
    identifier::{Identifier, Kind},
    time::Timestamp,
};
use profile360_server::engine::{
    pipeline::{Command, CommandOutcome, Pipeline},
    state::{Reading, State},
};
use profile360_tests::{Base, Deadline, POLICY_VERSION, Server, Writers, accepted, in_process, messages};
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

/// Decides that two people with one phone number are one, and revokes that, again and again. Ends revoked.
async fn decide_and_revoke(server: &Server, n_rounds: usize) {
    const DECIDE: &str = "mutation {
        decide(
            relation: SAME, a: { kind: \"external_id\", value: \"k1\" }, b: { kind: \"external_id\", value: \"k2\" }, reason: \"a test\"
        ) { status decision { id } }
    }";
    for _ in 0..n_rounds {
        let mut decided = server.ask(DECIDE, Value::Null).await["decide"].take();
        assert_eq!(decided["status"], "APPLIED", "{decided}");
        revoke(server, &decided["decision"]["id"].take()).await;
    }
}

const RETIRE: &str = "mutation($from: DateTime!, $dryRun: Boolean) {
    retireIdentifier(
        identifier: { kind: \"email\", value: \"k3@example.com\" }, from: $from, reason: \"a test\", dryRun: $dryRun
    ) { status retirement { id } preview { before { unifiedId } after { unifiedId } } }
}";

/// Gives the address of a third person to another owner, and revokes that, again and again. Ends revoked.
async fn retire_and_revoke(server: &Server, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let variables = json!({ "from": "2025-06-01T00:00:00Z" });
        let mut retired = server.ask(RETIRE, variables).await["retireIdentifier"].take();
        assert_eq!(retired["status"], "APPLIED", "{retired}");
        revoke(server, &retired["retirement"]["id"].take()).await;
    }
}

async fn revoke(server: &Server, id: &Value) {
    const REVOKE: &str = "mutation($id: ID!) { revokeDecision(id: $id, reason: \"a test\") { status } }";
    let revoked = server.ask(REVOKE, json!({ "id": id })).await;
    assert_eq!(revoked["revokeDecision"]["status"], "APPLIED", "{revoked}");
}

async fn write_more(server: &Server, is_over: &AtomicBool) {
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let who = json!({ "external_id": "k1" });
        let event = messages::event(&format!("more-{number}"), "2025-03-05T00:00:00Z", who, "df_view_home", json!({}));
        server.ingest(&[event]).await;
    }
}

/// What an answer says of one commit, in all its parts. `seen` has what others said of the same commit.
async fn read_everything(server: &Server, seen: &Mutex<BTreeMap<i64, Value>>) {
    const QUERY: &str = "{
        a: profile(by: { identifier: { kind: \"external_id\", value: \"k1\" } }) { ...Seen }
        b: profile(by: { identifier: { kind: \"external_id\", value: \"k2\" } }) { ...Seen }
        c: profile(by: { identifier: { kind: \"external_id\", value: \"k3\" } }) { ...Seen }
        decisions(first: 5) { nodes { id } }
        retirements { id }
        withheldLinks(first: 5) { totalCount nodes { link { a { value } b { value } } } }
        reviewCounts { contested }
        reviewCases(first: 5) { totalCount nodes { linkCount customerCount customers(first: 5) { profile { unifiedId } } revision } }
    }
    fragment Seen on Profile { unifiedId revision identifiers { value retiredAt } }";
    let answer = server.answer(QUERY, Value::Null).await;
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    let data = &answer["data"];
    let n_of = |list: &Value| list.as_array().map_or(0, Vec::len);
    let is_merged = data["a"]["unifiedId"] == data["b"]["unifiedId"];
    let n_withheld = usize::from(!is_merged);
    assert_eq!(n_of(&data["decisions"]["nodes"]), usize::from(is_merged), "{answer}");
    assert_eq!(data["withheldLinks"]["totalCount"], n_withheld, "{answer}");
    assert_eq!(n_of(&data["withheldLinks"]["nodes"]), n_withheld, "{answer}");
    assert_eq!(data["reviewCounts"]["contested"], n_withheld, "{answer}");
    assert_eq!(data["reviewCases"]["totalCount"], n_withheld, "{answer}");
    for case in data["reviewCases"]["nodes"].as_array().expect("a list") {
        assert_eq!(n_of(&case["customers"]), 2, "{answer}");
    }
    let of_third = data["c"]["identifiers"].as_array().expect("a list");
    let n_retired = of_third.iter().filter(|it| !it["retiredAt"].is_null()).count();
    assert_eq!(n_of(&data["retirements"]), n_retired, "{answer}");
    let commit = answer["extensions"]["commit"].as_i64().expect("it says its commit");
    let mut seen = seen.lock().expect("no reader panicked");
    let before = seen.entry(commit).or_insert_with(|| data.clone());
    assert_eq!(before, data, "two answers of commit {commit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_and_the_inbox_are_of_the_commit_of_the_card() {
    const ROUNDS: usize = 30;
    let base = Base::new();
    let server = Arc::new(base.serve());
    let sent: Vec<Value> = ["k1", "k2", "k3"]
        .into_iter()
        .map(|user| {
            let who = match user {
                "k3" => json!({ "external_id": user, "email": "k3@example.com" }),
                _ => json!({ "external_id": user, "phone": "010-2222-3333" }),
            };
            messages::identify(&format!("m-{user}"), "2025-03-01T00:00:00Z", who, json!({ "df_name": user }))
        })
        .collect();
    server.ingest(&sent).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let seen = Arc::new(Mutex::new(BTreeMap::new()));
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let (server, is_over, seen) = (server.clone(), is_over.clone(), seen.clone());
        tasks.push(tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                read_everything(&server, &seen).await;
            }
        }));
    }
    tasks.push(tokio::spawn({
        let (server, is_over) = (server.clone(), is_over.clone());
        async move { retire_and_revoke(&server, &is_over).await }
    }));
    tasks.push(tokio::spawn({
        let (server, is_over) = (server.clone(), is_over.clone());
        async move { write_more(&server, &is_over).await }
    }));
    tasks.push(tokio::spawn({
        let (server, is_over) = (server.clone(), is_over.clone());
        async move {
            while !is_over.load(Ordering::Relaxed) {
                let variables = json!({ "from": "2025-02-01T00:00:00Z", "dryRun": true });
                let previewed = server.ask(RETIRE, variables).await;
                assert_eq!(
                    previewed["retireIdentifier"]["status"], "APPLIED",
                    "a dry run needs no second try: {previewed}"
                );
            }
        }
    }));
    decide_and_revoke(&server, ROUNDS).await;
    is_over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("every answer is of one commit");
    }
    assert!(1 < seen.lock().expect("no reader panicked").len(), "answers of several commits were read");
}

/// What a state says, in a form that can be compared.
type Said = (BTreeSet<(Arc<str>, bool)>, BTreeSet<(Arc<str>, bool)>, BTreeMap<Pair, LinkState>);

fn said_by(state: &State) -> Said {
    (
        state.decisions.iter().map(|it| (it.id.clone(), it.is_active())).collect(),
        state.policy.retirements().iter().map(|it| (it.id.clone(), it.is_active())).collect(),
        state.inbox.iter().map(|(place, link)| (place.pair.clone(), LinkState::clone(link))).collect(),
    )
}

async fn stored_in(reading: &Reading) -> anyhow::Result<Said> {
    let store = &reading.store;
    let mut withheld = BTreeMap::new();
    for share in store.shares().await? {
        withheld.extend(store.withheld_in(&share).await?);
    }
    Ok((
        store.decisions().await?.into_iter().map(|it| (it.id.clone(), it.is_active())).collect(),
        store.retirements().await?.into_iter().map(|it| (it.id.clone(), it.is_active())).collect(),
        withheld,
    ))
}

/// A decision, a retirement, and their revocations: each a commit of its own.
fn commands() -> [Command; 4] {
    let identifier = |kind: &str, value: &str| Identifier::new(Kind::new(kind), value);
    let at = Timestamp::parse("2025-04-01T00:00:00Z").expect("a time");
    let by = || Revocation { at, reason: "a test".into(), actor: "a test".into() };
    let decision = Decision {
        id: "d1".into(),
        relation: Relation::Same,
        pair: Pair::new(&identifier("external_id", "k1"), &identifier("external_id", "k2")).expect("two"),
        at,
        reason: "a test".into(),
        actor: "a test".into(),
        revoked: None,
    };
    let retirement = Retirement {
        id: "r1".into(),
        value: identifier("phone", "+821022223333"),
        from: Timestamp::parse("2025-03-02T00:00:00Z").expect("a time"),
        at,
        reason: "a test".into(),
        actor: "a test".into(),
        revoked: None,
    };
    [
        Command::Make(vec![decision]),
        Command::Revoke { id: "d1".to_owned(), by: by() },
        Command::Retire(retirement),
        Command::Revoke { id: "r1".to_owned(), by: by() },
    ]
}

/// An answer that begins before a commit and looks at the decisions after it sees those of its own commit, whether this server or
/// another one has committed.
#[test]
fn the_state_of_a_reading_is_that_of_its_snapshot() {
    let sent: String = ["k1", "k2"]
        .iter()
        .enumerate()
        .map(|(day, user)| {
            let who = json!({ "external_id": user, "phone": "010-2222-3333" });
            let at = format!("2025-03-0{}T00:00:00Z", day + 1);
            format!("{}\n", messages::identify(&format!("m-{user}"), &at, who, json!({})))
        })
        .collect();
    let base = Base::new();
    base.write("empty.ndjson", "");
    assert_eq!(base.import("empty.ndjson").status, Some(0));
    for (database, has_rival) in [(base.database(), false), ("mem://".to_owned(), true)] {
        let sent = accepted(&sent);
        let checked = in_process(async move {
            let mut writers = Writers::open(&database).await?;
            let pipeline = writers.pipeline().await?;
            let writing: Pipeline = if has_rival { writers.pipeline().await? } else { pipeline.clone() };
            let snapshot = pipeline.snapshot();
            let mut readings = Vec::new();
            let mut begin = async || {
                let reading = Reading::begin(&snapshot.store, &snapshot.states);
                reading.store.last_commit().await?;
                readings.push(reading);
                anyhow::Ok(())
            };
            begin().await?;
            writing.ingest(sent, POLICY_VERSION).await?;
            begin().await?;
            for command in commands() {
                let outcome = writing.decide(command, None).await?;
                let is_done =
                    matches!(outcome, CommandOutcome::Applied { .. } | CommandOutcome::Retired { commit: Some(_), .. });
                anyhow::ensure!(is_done, "{outcome:?}");
                begin().await?;
            }
            let mut different: BTreeSet<String> = BTreeSet::new();
            for reading in &readings {
                let state = reading.state().await?;
                assert_eq!(Some(state.commit), reading.store.commit_read().await?);
                assert_eq!(said_by(&state), stored_in(reading).await?, "as of commit {}", state.commit);
                different.insert(format!("{:?}", said_by(&state)));
            }
            assert_eq!(different.len(), readings.len(), "the state after the last commit is wrong for all others");
            drop((pipeline, writing, snapshot, readings));
            writers.close().await
        });
        checked.expect("the database can be read");
    }
}
