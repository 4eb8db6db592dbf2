//! Laws over the real store: after any history, the state depends only on the messages, the active decisions and retirements, and
//! the active policy. `core/src/plan` checks the same laws for `core` alone, in many more cases.

use std::collections::{BTreeMap, BTreeSet};

use profile360_tests::{Base, Server, messages};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

const AS_OF: &str = "2025-04-01";
const N_HISTORIES: u32 = 3;
const N_STEPS: usize = 45;

/// One step of a history.
#[derive(Debug, Clone)]
enum Step {
    Messages(Vec<SentMessage>),
    Decide {
        relation: &'static str,
        a: Named,
        b: Named,
    },
    Retire {
        phone: u8,
        day: u8,
    },
    /// Revokes an active decision or retirement, by its index.
    Revoke(usize),
    Publish(usize),
}

/// A message with few possible identifiers, so that they are often linked.
#[derive(Debug, Clone)]
struct SentMessage {
    names: Vec<Named>,
    day: u8,
    is_purchase: bool,
}

/// Kind and number.
type Named = (usize, u8);

const KINDS: [&str; 5] = ["external_id", "email", "customer_card", "device_id", "phone"];

fn named() -> impl Strategy<Value = Named> {
    (0..KINDS.len(), 0..4u8)
}

fn step() -> impl Strategy<Value = Step> {
    let sent = (prop::collection::vec(named(), 1..4), 1..28u8, any::<bool>())
        .prop_map(|(names, day, is_purchase)| Step::Messages(vec![SentMessage { names, day, is_purchase }]));
    let several = (prop::collection::vec(named(), 2..5), 1..28u8).prop_map(|(names, day)| {
        let pairs = names.windows(2).map(|it| SentMessage { names: it.to_vec(), day, is_purchase: false });
        Step::Messages(pairs.collect())
    });
    // The owner of a phone depends on the day, and blocked values cannot be decided on: decisions use other kinds.
    let relation = prop_oneof![Just("SAME"), Just("DIFFERENT")];
    let decide = (relation, (0..4usize, 0..3u8), (0..4usize, 0..3u8))
        .prop_filter("of two", |(_, a, b)| a != b)
        .prop_map(|(relation, a, b)| Step::Decide { relation, a, b });
    prop_oneof![
        8 => sent,
        4 => several,
        4 => decide,
        2 => (0..4u8, 1..28u8).prop_map(|(phone, day)| Step::Retire { phone, day }),
        3 => (0..100usize).prop_map(Step::Revoke),
        1 => (0..3usize).prop_map(Step::Publish),
    ]
}

/// What is in effect.
#[derive(Debug, Default)]
struct Facts {
    messages: Vec<Value>,
    /// Active decisions and retirements by ID, in the order of their creation.
    active: Vec<(String, Step)>,
    policy: Option<Value>,
}

#[tokio::test]
async fn a_history_gives_the_same_as_its_remaining_facts() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRunner::deterministic().rng().clone());
    let histories = prop::collection::vec(step(), N_STEPS);
    for number in 0..N_HISTORIES {
        let steps = histories.new_tree(&mut runner).expect("steps can be made").current();
        let base = Base::new();
        let server = base.serve();
        let mut facts = Facts::default();
        let mut issued = BTreeSet::new();
        for step in steps {
            happen(&server, step, &mut facts).await;
            issued.extend(server.unified_ids().await);
        }
        let state = everything(&server).await;
        let rebuilt = begun_with(&facts).await;
        assert_eq!(state, rebuilt, "history {number}: {facts:#?}");
        for id in issued {
            let query = "query($id: ID!) { profile(by: { unifiedId: $id }) { unifiedId } }";
            let found = server.ask(query, json!({ "id": id })).await["profile"]["unifiedId"].take();
            assert!(found.is_string(), "history {number}: {id} was shown and leads nowhere: {facts:#?}");
        }
        assert_eq!(server.stop(), Some(0));
        base.check();
    }
}

async fn happen(server: &Server, step: Step, facts: &mut Facts) {
    match step.clone() {
        Step::Messages(sent) => {
            let first = facts.messages.len();
            let new: Vec<Value> = sent.iter().enumerate().map(|(n, it)| message(first + n, it)).collect();
            for result in server.ingest(&new).await {
                assert_ne!(result["status"], "REFUSED", "{result}");
            }
            facts.messages.extend(new);
        }
        Step::Decide { relation, a, b } => {
            let decided = decide(server, relation, a, b).await;
            // A contradiction to an active decision is refused.
            if decided["status"] == "APPLIED" {
                facts.active.push((text(&decided["decision"]["id"]), step));
            }
        }
        Step::Retire { phone, day } => {
            let retired = retire(server, phone, day).await;
            if retired["status"] == "APPLIED" {
                facts.active.push((text(&retired["retirement"]["id"]), step));
            }
        }
        Step::Revoke(place) => {
            if facts.active.is_empty() {
                return;
            }
            let (id, _) = facts.active.remove(place % facts.active.len());
            let revoke = "mutation($id: ID!) { revokeDecision(id: $id, reason: \"a mistake\") { status detail } }";
            let revoked = server.ask(revoke, json!({ "id": id })).await["revokeDecision"].take();
            assert_eq!(revoked["status"], "APPLIED", "{revoked}");
        }
        Step::Publish(number) => {
            let document = documents()[number].clone();
            let publish = "mutation($document: JSON!) {
                publishPolicy(policy: { document: $document, from: 1 }, reason: \"a try\") { version status }
            }";
            let published = server.ask(publish, json!({ "document": document })).await["publishPolicy"].take();
            super::policy::wait_until_in_force(server, &published["version"]).await;
            facts.policy = Some(document);
        }
    }
}

/// The changes to the first policy.
fn documents() -> [Value; 3] {
    [json!({}), super::policy::other_conclusions(), json!({ "blocked_patterns": ["e3@.*"], "max_links": 2 })]
}

fn message(number: usize, sent: &SentMessage) -> Value {
    let mut identifiers: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for it in &sent.names {
        let input = input(*it);
        identifiers.entry(KINDS[it.0]).or_default().push(input["value"].clone());
    }
    // Never blocked, so that every message has a usable identifier under every policy.
    identifiers.entry("line_id").or_insert_with(|| vec![json!(format!("L{}", number % 7))]);
    let identifiers = json!(identifiers);
    let id = format!("m{number}");
    let at = format!("2025-03-{:02}T{:02}:00:00Z", sent.day, number % 24);
    if sent.is_purchase {
        messages::purchase(&id, &at, identifiers, &format!("o{}", number % 9), "100")
    } else {
        messages::identify(&id, &at, identifiers, json!({ "df_name": format!("n{number}") }))
    }
}

fn input((kind, number): Named) -> Value {
    let value = match KINDS[kind] {
        "email" => format!("e{number}@example.com"),
        "phone" => format!("010-1111-000{number}"),
        other => format!("{other}-{number}"),
    };
    json!({ "kind": KINDS[kind], "value": value })
}

async fn decide(server: &Server, relation: &str, a: Named, b: Named) -> Value {
    let query = "mutation($relation: Relation!, $a: IdentifierInput!, $b: IdentifierInput!) {
        decide(relation: $relation, a: $a, b: $b, reason: \"they said so\") { status decision { id } }
    }";
    let variables = json!({ "relation": relation, "a": input(a), "b": input(b) });
    server.ask(query, variables).await["decide"].take()
}

async fn retire(server: &Server, phone: u8, day: u8) -> Value {
    let query = "mutation($identifier: IdentifierInput!, $from: DateTime!) {
        retireIdentifier(identifier: $identifier, from: $from, reason: \"the carrier gave it away\") {
            status retirement { id }
        }
    }";
    let variables = json!({ "identifier": input((4, phone)), "from": format!("2025-03-{day:02}T12:00:00Z") });
    server.ask(query, variables).await["retireIdentifier"].take()
}

/// The state of a new database with only the remaining facts, in another order.
async fn begun_with(facts: &Facts) -> BTreeMap<String, Value> {
    let base = Base::new();
    let mut options = Vec::new();
    if let Some(document) = &facts.policy {
        base.write("policy.json", document.to_string());
        options = vec!["--policy", "policy.json"];
    }
    let server = base.serve_with(&options);
    for (_, step) in &facts.active {
        let made = match step {
            Step::Decide { relation, a, b } => decide(&server, relation, *a, *b).await,
            Step::Retire { phone, day } => retire(&server, *phone, *day).await,
            other => panic!("{other:?} has no effect to keep"),
        };
        assert_eq!(made["status"], "APPLIED", "{step:?}: {made}");
    }
    let backwards: Vec<Value> = facts.messages.iter().rev().cloned().collect();
    for batch in backwards.chunks(20) {
        server.ingest(batch).await;
    }
    everything(&server).await
}

/// Everything except revisions, which depend on the policy version.
async fn everything(server: &Server) -> BTreeMap<String, Value> {
    let mut all = server.everything(AS_OF).await;
    for customer in all.values_mut() {
        customer["revision"] = Value::Null;
    }
    all
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
