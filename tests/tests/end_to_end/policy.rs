//! Policies: simulation, publication and its reversal; interrupted publications, and messages that arrive during one.

use std::collections::BTreeMap;

use profile360_tests::{Base, Deadline, Server, messages};
use serde_json::{Value, json};

const AS_OF: &str = "2026-01-01";
const SIMULATE: &str = "query($document: JSON!) {
    simulatePolicy(policy: { document: $document }, sample: 300) {
        profilesBefore profilesAfter merging splitting messages messagesAffected activeVersion samples {
            before after profiles { unifiedId }
            parts { unifiedId identifierCount identifiers { identifier { kind value } from } }
        }
    }
}";
const PUBLISH: &str = "mutation($document: JSON!, $from: Int) {
    publishPolicy(policy: { document: $document, from: $from }, reason: \"a try\") { version status reason publishedBy }
}";
const LINEAGE: &str = "{ lineage(first: 200) { nodes { kind kept others cause policyVersion } } }";

/// Other limits, another threshold for shared values, another survivorship rule.
pub(super) fn other_conclusions() -> Value {
    json!({
        "kinds": [
            { "name": "external_id", "form": "external_id", "limit": 3, "priority": 1 },
            { "name": "customer_card", "form": "trimmed", "limit": 5, "priority": 2 },
            { "name": "phone", "form": "phone", "limit": 1, "priority": 3 },
            { "name": "email", "form": "email", "limit": 5, "priority": 4 },
            { "name": "kakao_id", "form": "trimmed", "limit": 2, "priority": 5 },
            { "name": "line_id", "form": "trimmed", "limit": 2, "priority": 6 },
            { "name": "device_id", "form": "trimmed", "limit": 50, "priority": 7 },
        ],
        "max_links": 4,
        "survivorship": { "default": "earliest" },
        "time_zone": "America/New_York",
    })
}

/// Changes what messages say: another strongest kind, no customer cards, another currency. Some messages then have no usable
/// identifier.
fn other_facts() -> Value {
    json!({
        "kinds": [
            { "name": "phone", "form": "phone", "limit": 3, "priority": 1 },
            { "name": "external_id", "form": "external_id", "limit": 1, "priority": 2 },
            { "name": "email", "form": "email", "limit": 5, "priority": 4 },
            { "name": "device_id", "form": "trimmed", "limit": 50, "priority": 7 },
        ],
        "blocked_patterns": [".*@naver\\.com"],
        "currency": "USD",
    })
}

pub(crate) async fn publish(server: &Server, document: Value, from: Option<i64>) -> Value {
    let published = server.ask(PUBLISH, json!({ "document": document, "from": from })).await["publishPolicy"].take();
    assert_eq!(published["status"], "PUBLISHING", "{published}");
    wait_until_in_force(server, &published["version"]).await;
    published["version"].clone()
}

/// The kinds and values of a customer's identifiers, ascending.
fn identifiers_of(customer: &Value) -> Vec<String> {
    let identifiers = customer["identifiers"].as_array().expect("identifiers");
    let mut names: Vec<String> = identifiers.iter().map(|it| format!("{} {}", it["kind"], it["value"])).collect();
    names.sort();
    names
}

/// The identifiers of each part of the samples.
fn parts_of(simulated: &Value) -> BTreeMap<String, Vec<String>> {
    let samples = simulated["samples"].as_array().expect("samples");
    let parts = samples.iter().flat_map(|change| change["parts"].as_array().expect("parts"));
    let of_part = |part: &Value| {
        let identifiers = part["identifiers"].as_array().expect("identifiers");
        assert_eq!(part["identifierCount"], identifiers.len(), "no generated customer has more than are returned");
        let mut names: Vec<String> = identifiers
            .iter()
            .map(|it| format!("{} {}", it["identifier"]["kind"], it["identifier"]["value"]))
            .collect();
        names.sort();
        (part["unifiedId"].as_str().expect("an ID").to_owned(), names)
    };
    parts.map(of_part).collect()
}

/// The samples name the current customers, and each identifier says which of them it comes from.
fn check_parts(simulated: &Value, before: &BTreeMap<String, Value>) {
    assert_eq!(
        simulated["activeVersion"].as_i64().map(|version| version % 2),
        Some(1),
        "the odd versions are the first"
    );
    let affected = simulated["messagesAffected"].as_u64().expect("a number");
    assert!(0 < affected && affected < simulated["messages"].as_u64().expect("a number"), "{simulated}");
    for change in simulated["samples"].as_array().expect("samples") {
        let ids = |of: &Value, name: &str| -> Vec<Value> {
            of.as_array()
                .expect("a list")
                .iter()
                .map(|it| if name.is_empty() { it.clone() } else { it[name].clone() })
                .collect()
        };
        assert_eq!(ids(&change["before"], ""), ids(&change["profiles"], "unifiedId"));
        assert_eq!(ids(&change["after"], ""), ids(&change["parts"], "unifiedId"));
        let identifiers =
            change["parts"].as_array().expect("parts").iter().flat_map(|part| part["identifiers"].as_array());
        for it in identifiers.flatten() {
            let Some(from) = it["from"].as_str() else { continue };
            let name = format!("{} {}", it["identifier"]["kind"], it["identifier"]["value"]);
            assert!(identifiers_of(&before[from]).contains(&name), "{name} belongs to {from}");
        }
    }
}

/// Polls until the publication is complete.
pub(super) async fn wait_until_in_force(server: &Server, version: &Value) {
    let deadline = Deadline::new("the policy to be in force");
    loop {
        let health = server.http.get(server.url("/healthz")).send().await.expect("it answers");
        let health: Value = health.json().await.expect("JSON");
        let publication = &health["publication"];
        assert_ne!(publication["state"], "FAILED", "{health}");
        if health["policyVersion"] == *version && publication["historyRecorded"] == true {
            return;
        }
        assert_eq!(publication["version"], *version, "{health}");
        deadline.check(&health);
    }
}

/// Everything except revisions, which depend on the policy version.
async fn everything(server: &Server) -> BTreeMap<String, Value> {
    let mut all = server.everything(AS_OF).await;
    for customer in all.values_mut() {
        customer["revision"] = Value::Null;
    }
    all
}

/// The state of a new database with that policy.
async fn begun_with(document: &Value, lines: &str) -> BTreeMap<String, Value> {
    let base = Base::new();
    base.write("policy.json", document.to_string());
    base.write("messages.ndjson", lines);
    // Messages without a usable identifier are refused here, and unreadable there.
    let status = base.run(&["import", "messages.ndjson", "--policy", "policy.json"]).status;
    assert!(matches!(status, Some(0 | 3)));
    everything(&base.serve()).await
}

#[tokio::test]
async fn publishing_does_what_was_simulated_and_can_be_reversed() {
    let lines = messages::generated(120, 11);
    let base = Base::with(&lines);
    let server = base.serve();
    let before = everything(&server).await;
    for document in [other_conclusions(), other_facts()] {
        let simulated = server.ask(SIMULATE, json!({ "document": document })).await["simulatePolicy"].take();
        assert_eq!(everything(&server).await, before, "a simulation changes nothing");
        assert_eq!(simulated["profilesBefore"], before.len());
        check_parts(&simulated, &before);

        let version = publish(&server, document.clone(), Some(1)).await;
        let after = everything(&server).await;
        assert_eq!(after, begun_with(&document, &lines).await);
        assert_eq!(simulated["profilesAfter"], after.len());
        for (id, identifiers) in parts_of(&simulated) {
            assert_eq!(identifiers, identifiers_of(&after[&id]), "the part {id} is the customer of that ID");
        }
        let lineage = server.ask(LINEAGE, Value::Null).await["lineage"]["nodes"].take();
        let of_kind = |kind: &str| {
            let is_of = |it: &&Value| it["kind"] == kind && it["cause"] == "POLICY" && it["policyVersion"] == version;
            lineage.as_array().map_or(0, |it| it.iter().filter(is_of).count())
        };
        assert_eq!(simulated["merging"], of_kind("MERGED"));
        assert_eq!(simulated["splitting"], of_kind("UNMERGED"));
        assert!(0 < of_kind("MERGED") + of_kind("UNMERGED"), "the generated customers have such cases: {simulated}");
        let names = |side: &str| -> Vec<String> {
            let samples = simulated["samples"].as_array().expect("samples");
            samples
                .iter()
                .flat_map(|it| it[side].as_array().expect("IDs").iter().filter_map(Value::as_str).map(str::to_owned))
                .collect()
        };
        assert!(names("before").iter().all(|it| before.contains_key(it)));
        assert!(names("after").iter().all(|it| after.contains_key(it)));

        publish(&server, json!({}), Some(1)).await;
        assert_eq!(everything(&server).await, before);
    }
    assert_eq!(server.stop(), Some(0));
    base.check();
    let server = base.serve();
    assert_eq!(everything(&server).await, before, "a restart opens the active projection");
    let list = "{ policies { version status reason } policy { version status document } }";
    let policies = server.ask(list, Value::Null).await;
    let versions: Vec<(&Value, &Value)> =
        policies["policies"].as_array().expect("a list").iter().map(|it| (&it["version"], &it["status"])).collect();
    let not = json!("NOT_IN_FORCE");
    let expected = [
        (json!(5), json!("IN_FORCE")),
        (json!(4), not.clone()),
        (json!(3), not.clone()),
        (json!(2), not.clone()),
        (json!(1), not),
    ];
    assert!(versions.iter().map(|(a, b)| ((*a).clone(), (*b).clone())).eq(expected), "{versions:?}");
}

#[tokio::test]
async fn messages_and_decisions_during_a_publication_are_included() {
    let lines = messages::generated(60, 12);
    let base = Base::with(&lines);
    let server = base.serve();
    let published = server.ask(PUBLISH, json!({ "document": other_conclusions() })).await["publishPolicy"].take();
    let second = server.codes(PUBLISH, json!({ "document": {} })).await;
    assert_eq!(second, ["PUBLICATION_UNDER_WAY"]);
    let late: Vec<Value> = (0..40)
        .map(|n| {
            let identifiers =
                json!({ "external_id": format!("late{}", n % 7), "device_id": format!("late-device{}", n % 5) });
            messages::purchase(&format!("late{n}"), "2025-12-30T00:00:00Z", identifiers, &format!("late{n}"), "10")
        })
        .collect();
    let decide = "mutation {
        decide(relation: SAME, a: { kind: \"external_id\", value: \"late0\" }, b: { kind: \"external_id\", value: \"late6\" },
            reason: \"said so\") { status }
    }";
    for (n, message) in late.iter().enumerate() {
        server.ingest(std::slice::from_ref(message)).await;
        if n == 20 {
            assert_eq!(server.ask(decide, Value::Null).await["decide"]["status"], "APPLIED");
        }
    }
    wait_until_in_force(&server, &published["version"]).await;
    let after = everything(&server).await;
    assert_eq!(server.stop(), Some(0));
    base.check();

    let all = lines + &messages::ndjson(&late);
    let fresh = Base::new();
    fresh.write("policy.json", other_conclusions().to_string());
    fresh.write("messages.ndjson", &all);
    assert_eq!(fresh.run(&["import", "messages.ndjson", "--policy", "policy.json"]).status, Some(0));
    let server = fresh.serve();
    server.ask(decide, Value::Null).await;
    assert_eq!(everything(&server).await, after);
}

#[tokio::test]
async fn an_interrupted_publication_is_resumed_by_the_next_server() {
    let lines = messages::generated(60, 13);
    let base = Base::with(&lines);
    let server = base.serve();
    let published = server.ask(PUBLISH, json!({ "document": other_conclusions() })).await["publishPolicy"].take();
    server.kill();
    let server = base.serve();
    wait_until_in_force(&server, &published["version"]).await;
    assert_eq!(everything(&server).await, begun_with(&other_conclusions(), &lines).await);
    assert_eq!(server.stop(), Some(0));
    base.check();
}

#[tokio::test]
async fn faulty_policies_are_refused_with_all_faults() {
    let base = Base::new();
    let server = base.serve();
    let document = json!({
        "kinds": [{ "name": "phone", "form": "phone", "limit": 0, "priority": 1 }], "max_links": 0, "time_zone": "Asia/Seul",
        "survivorship": { "default": "newest" }, "shoe_size": 42,
    });
    let answer = server.answer(PUBLISH, json!({ "document": document })).await;
    let error = &answer["errors"][0];
    assert_eq!(error["extensions"]["code"], "POLICY_FAULTY", "{answer}");
    let paths: Vec<&str> =
        error["extensions"]["faults"].as_array().expect("faults").iter().filter_map(|it| it["path"].as_str()).collect();
    assert_eq!(paths, ["shoe_size", "survivorship", "time_zone"], "{answer}");
    assert!(!answer.to_string().contains("Seul"), "an error repeats no value: {answer}");
    let codes: Vec<&Value> =
        error["extensions"]["faults"].as_array().expect("faults").iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["UNKNOWN_FIELD", "WRONG_TYPE", "UNKNOWN_TIME_ZONE"], "{answer}");
    let document =
        json!({ "kinds": [{ "name": "phone", "form": "phone", "limit": 0, "priority": 1 }], "max_links": 0 });
    let answer = server.answer(SIMULATE, json!({ "document": document })).await;
    assert_eq!(answer["errors"][0]["extensions"]["faults"].as_array().map(Vec::len), Some(2), "{answer}");
    let version = "{ policies { version } }";
    assert_eq!(server.ask(version, Value::Null).await["policies"], json!([{ "version": 1 }]));
    assert_eq!(server.codes(PUBLISH, json!({ "document": {}, "from": 9 })).await, ["BAD_USER_INPUT"]);
}

#[tokio::test]
async fn a_policy_is_not_published_over_a_version_that_the_client_has_not_seen() {
    let base = Base::with(&messages::generated(20, 14));
    let server = base.serve();
    let publish_expecting = "mutation($document: JSON!, $expected: Int) {
        publishPolicy(policy: { document: $document }, reason: \"a try\", expectedVersion: $expected) { version }
    }";
    let variables = |expected: Option<i64>| json!({ "document": { "max_links": 9 }, "expected": expected });
    for expected in [0, 2, -1] {
        assert_eq!(server.codes(publish_expecting, variables(Some(expected))).await, ["POLICY_OUTDATED"]);
    }
    let versions = server.ask("{ policies { version } }", Value::Null).await;
    assert_eq!(versions["policies"], json!([{ "version": 1 }]), "a rejected publication stores nothing");
    for (expected, version) in [(Some(1), 2), (None, 3), (Some(3), 4)] {
        let published = server.ask(publish_expecting, variables(expected)).await["publishPolicy"]["version"].take();
        assert_eq!(published, version);
        wait_until_in_force(&server, &published).await;
    }
    assert_eq!(server.codes(publish_expecting, variables(Some(3))).await, ["POLICY_OUTDATED"]);
}

/// Found by the laws: an email address gave the customer its unified ID, and then a policy blocked it.
#[tokio::test]
async fn the_id_of_a_blocked_identifier_redirects() {
    let at = |hour: u32| format!("2025-03-01T{hour:02}:00:00Z");
    let sent = [
        messages::identify("1", &at(1), json!({ "email": "desk@example.com", "line_id": "L1" }), json!({})),
        messages::identify("2", &at(2), json!({ "external_id": "u1", "line_id": "L1" }), json!({})),
        messages::identify("3", &at(3), json!({ "email": "alone@example.com" }), json!({})),
    ];
    let base = Base::with(&messages::ndjson(&sent));
    let server = base.serve();
    let shown = server.unified_ids().await;
    let found = async |id: &str| {
        let query = "query($id: ID!) { profile(by: { unifiedId: $id }) { identifiers { value } } }";
        server.ask(query, json!({ "id": id })).await["profile"].take()
    };
    let of_desk = json!({ "identifiers": [{ "value": "u1" }, { "value": "L1" }] });
    for document in [json!({ "blocked_patterns": [".*@example.com"] }), json!({ "blocked_patterns": ["(desk|x)@.*"] })]
    {
        let version = publish(&server, document, Some(1)).await;
        // Newest first: the single address, which is then no customer, and the customer of the other one.
        assert_eq!(found(&shown[1]).await, of_desk, "version {version}");
    }
    assert_eq!(found(&shown[0]).await, json!({ "identifiers": [{ "value": "alone@example.com" }] }));
    publish(&server, json!({}), Some(1)).await;
    assert_eq!(server.unified_ids().await, shown, "the first IDs are shown again");
}
