//! What operators did: one entry for each mutation, with names as they were, filtered and in pages.

use profile360_tests::{Base, Server, messages};
use serde_json::{Value, json};

const ACTIONS: &str = "query(
    $kinds: [OperatorActionKind!], $actor: String, $from: DateTime, $to: DateTime, $id: ID, $revoked: Boolean,
    $first: Int, $after: String
) {
    operatorActions(
        kinds: $kinds, actor: $actor, from: $from, to: $to, unifiedId: $id, includeRevoked: $revoked, first: $first, after: $after
    ) {
        totalCount actors pageInfo { hasNextPage endCursor }
        nodes {
            id kind at actor reason revokedBy revokedReason policyVersion customers { unifiedId name }
            decisions { id } retirement { value }
        }
    }
}";

async fn actions(server: &Server, variables: Value) -> Value {
    server.ask(ACTIONS, variables).await["operatorActions"].take()
}

fn names(action: &Value) -> Vec<Option<&str>> {
    action["customers"].as_array().expect("a list").iter().map(|it| it["name"].as_str()).collect()
}

#[tokio::test]
async fn each_mutation_is_one_action_with_names_as_they_were() {
    let base = Base::new();
    let server = base.serve();
    let at = |hour: u32| format!("2025-03-01T{hour:02}:00:00Z");
    // The first identifier of the second customer is a device, whose name the account has.
    let results = server
        .ingest(&[
            messages::identify("1", &at(1), json!({ "external_id": "a1" }), json!({ "df_name": "김하나" })),
            messages::identify("2", &at(2), json!({ "device_id": "d2" }), json!({})),
            messages::identify(
                "3",
                &at(3),
                json!({ "external_id": "b2", "device_id": "d2" }),
                json!({ "df_name": "이두리" }),
            ),
            messages::identify("4", &at(4), json!({ "external_id": "c3", "phone": "010-1111-2222" }), json!({})),
        ])
        .await;
    let [a1, d2] = [0, 1].map(|it: usize| results[it]["unifiedId"].clone());
    let merge = "mutation($ids: [ID!]!) { mergeProfiles(unifiedIds: $ids, reason: \"one person\") { status decision { id } decisions { id } } }";
    let merged = server.ask(merge, json!({ "ids": [a1, d2] })).await["mergeProfiles"].take();
    assert!(1 < merged["decisions"].as_array().map_or(0, Vec::len), "the limit makes several decisions: {merged}");
    let different = "mutation { decide(
        relation: DIFFERENT, reason: \"two people\"
        a: { kind: \"external_id\", value: \"a1\" }, b: { kind: \"external_id\", value: \"c3\" }
    ) { status } }";
    assert_eq!(server.ask(different, Value::Null).await["decide"]["status"], "APPLIED");
    let retire = "mutation { retireIdentifier(
        identifier: { kind: \"phone\", value: \"01011112222\" }, from: \"2026-01-01T00:00:00Z\", reason: \"given away\"
    ) { status } }";
    assert_eq!(server.ask(retire, Value::Null).await["retireIdentifier"]["status"], "APPLIED");
    let all = actions(&server, json!({})).await;
    let nodes = all["nodes"].as_array().expect("a list");
    let kinds: Vec<&Value> = nodes.iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds, ["REASSIGNED", "SEPARATED", "MERGED"], "{all}");
    assert_eq!((&all["totalCount"], &all["actors"]), (&json!(3), &json!(["local"])));
    assert_eq!(names(&nodes[2]), [Some("김하나"), Some("이두리")]);
    assert_eq!(nodes[2]["customers"][1]["unifiedId"], d2);
    assert_eq!(nodes[2]["decisions"].as_array().map(Vec::len), merged["decisions"].as_array().map(Vec::len));
    assert_eq!(names(&nodes[1]), [Some("김하나"), None]);
    assert_eq!(nodes[0]["retirement"]["value"], "+821011112222");

    // The lineage names the same customers.
    let lineage = "{ lineage { nodes { kind cause customers { name } } } }";
    let lineage = server.ask(lineage, Value::Null).await["lineage"]["nodes"].take();
    let by_decision = lineage.as_array().expect("a list").iter().find(|it| it["cause"] == "DECISION").expect("a merge");
    assert_eq!(names(by_decision), [Some("김하나"), Some("이두리")]);

    // Filters.
    let kinds_of = async |variables: Value| -> Vec<String> {
        let found = actions(&server, variables).await;
        let nodes = found["nodes"].as_array().expect("a list");
        assert_eq!(found["totalCount"], nodes.len());
        nodes.iter().filter_map(|it| it["kind"].as_str()).map(str::to_owned).collect()
    };
    let merged_at = &nodes[2]["at"];
    let table: [(Value, &[&str]); 7] = [
        (json!({ "kinds": ["MERGED", "REASSIGNED"] }), &["REASSIGNED", "MERGED"]),
        (json!({ "actor": "local" }), &["REASSIGNED", "SEPARATED", "MERGED"]),
        (json!({ "actor": "stranger" }), &[]),
        (json!({ "to": merged_at }), &[]),
        (json!({ "from": merged_at }), &["REASSIGNED", "SEPARATED", "MERGED"]),
        (json!({ "id": d2 }), &["SEPARATED", "MERGED"]),
        (json!({ "id": results[3]["unifiedId"] }), &["REASSIGNED", "SEPARATED"]),
    ];
    for (variables, expected) in table {
        assert_eq!(kinds_of(variables.clone()).await, expected, "{variables}");
    }
    assert_eq!(server.codes(ACTIONS, json!({ "id": "abc" })).await, ["BAD_USER_INPUT"]);
    assert_eq!(server.codes(ACTIONS, json!({ "from": "yesterday" })).await, ["BAD_USER_INPUT"]);

    // Pages.
    let page = actions(&server, json!({ "first": 2 })).await;
    assert_eq!((&page["nodes"], &page["pageInfo"]["hasNextPage"]), (&json!(nodes[..2]), &json!(true)));
    let rest = actions(&server, json!({ "first": 2, "after": page["pageInfo"]["endCursor"] })).await;
    assert_eq!((&rest["nodes"], &rest["pageInfo"]["hasNextPage"]), (&json!(nodes[2..]), &json!(false)));

    // An action is reverted as a whole by its ID, and says so.
    let revoke = "mutation($id: ID!) { revokeDecision(id: $id, reason: \"no\") { status } }";
    assert_eq!(server.ask(revoke, json!({ "id": nodes[2]["id"] })).await["revokeDecision"]["status"], "APPLIED");
    let reverted = actions(&server, json!({ "kinds": ["MERGED"] })).await["nodes"][0].take();
    assert_eq!((&reverted["revokedBy"], &reverted["revokedReason"]), (&json!("local"), &json!("no")));
    assert_eq!(names(&reverted), [Some("김하나"), Some("이두리")]);
    assert_eq!(kinds_of(json!({ "revoked": false })).await, ["REASSIGNED", "SEPARATED"]);
    assert_eq!(server.stop(), Some(0));
    base.check();
}

#[tokio::test]
async fn the_audit_log_is_filtered_by_time_and_customer() {
    let base = Base::new();
    let admin = base.key("ADMIN");
    let mut server = base.serve_with_keys(&[]);
    server.show(&admin);
    let results = server
        .ingest(&[
            messages::identify(
                "1",
                "2025-03-01T01:00:00Z",
                json!({ "external_id": "a1", "device_id": "d1" }),
                json!({}),
            ),
            messages::identify("2", "2025-03-01T02:00:00Z", json!({ "external_id": "b2" }), json!({})),
        ])
        .await;
    let [a1, b2] = [0, 1].map(|it: usize| results[it]["unifiedId"].clone());
    let read = "query($id: ID!) { profile(by: { unifiedId: $id }) { identifiers { value } } }";
    for id in [&a1, &b2, &a1] {
        server.ask(read, json!({ "id": id })).await;
    }
    let log = "query($from: DateTime, $to: DateTime, $id: ID) {
        auditLog(action: \"READ\", from: $from, to: $to, unifiedId: $id) { nodes { at subject } }
    }";
    let subjects = async |variables: Value| -> Vec<Value> {
        let found = server.ask(log, variables).await["auditLog"]["nodes"].take();
        found.as_array().expect("a list").iter().map(|it| it["subject"].clone()).collect()
    };
    assert_eq!(subjects(json!({})).await, [a1.clone(), b2.clone(), a1.clone()]);
    assert_eq!(subjects(json!({ "id": b2 })).await, std::slice::from_ref(&b2));
    let device = server.ask("{ profile(by: { identifier: { kind: \"device_id\", value: \"d1\" } }) { graph { identifiers { kind unifiedId } } } }", Value::Null).await;
    let identifiers = device["profile"]["graph"]["identifiers"].as_array().expect("a list").clone();
    let device = identifiers.iter().find(|it| it["kind"] == "device_id").expect("a device");
    let by_device = subjects(json!({ "id": device["unifiedId"] })).await;
    assert!(by_device.iter().all(|it| *it == a1) && 2 <= by_device.len(), "{by_device:?}");
    let nodes = server.ask(log, json!({})).await["auditLog"]["nodes"].take();
    let times: Vec<&str> = nodes.as_array().expect("a list").iter().filter_map(|it| it["at"].as_str()).collect();
    for at in &times {
        let since = times.iter().filter(|it| at <= *it).count();
        assert_eq!(subjects(json!({ "from": at })).await.len(), since, "from {at}");
        assert_eq!(subjects(json!({ "to": at })).await.len(), times.len() - since, "to {at}");
    }
    assert_eq!(server.codes(log, json!({ "to": "tomorrow" })).await, ["BAD_USER_INPUT"]);
}
