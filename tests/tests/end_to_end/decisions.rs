//! Decisions: manual merges, their revocation, and explanations.

use profile360_tests::{Base, Server, messages};
use serde_json::{Value, json};

const AS_OF: &str = "2025-04-01";

/// Two customers who share a phone, which belongs to the first: the second has an external ID of its own.
fn two_customers() -> [Value; 6] {
    let at = |hour: u32| format!("2025-03-01T{hour:02}:00:00Z");
    [
        messages::identify(
            "1",
            &at(1),
            json!({ "external_id": "a1", "phone": "010-1111-2222" }),
            json!({ "df_name": "김하나" }),
        ),
        messages::purchase("2", &at(2), json!({ "external_id": "a1" }), "o1", "100"),
        messages::identify(
            "3",
            &at(3),
            json!({ "external_id": "b2", "email": "b@example.com" }),
            json!({ "df_name": "이두리" }),
        ),
        messages::purchase("4", &at(4), json!({ "external_id": "b2", "device_id": "d2" }), "o2", "30"),
        messages::identify(
            "5",
            &at(5),
            json!({ "external_id": "b2", "phone": "010-1111-2222" }),
            json!({ "df_push_optin": false }),
        ),
        messages::identify("6", &at(6), json!({ "external_id": "a1" }), json!({ "df_push_optin": true })),
    ]
}

const MERGE: &str = "mutation($ids: [ID!]!, $revision: String) {
    mergeProfiles(unifiedIds: $ids, reason: \"one person, two accounts\", expectedRevision: $revision) {
        status detail decision { id relation a { value } b { value } reason actor revokedAt }
        profiles { unifiedId supersededIds consents { channel granted } purchases { window(months: 12) { count amount } } }
    }
}";
const REVOKE: &str = "mutation($id: ID!) {
    revokeDecision(id: $id, reason: \"two persons after all\") {
        status decision { revokedBy } profiles { unifiedId }
    }
}";
const DECIDE: &str = "mutation($relation: Relation!, $a: String!, $b: String!, $revision: String) {
    decide(
        relation: $relation, reason: \"seen in the shop\", expectedRevision: $revision
        a: { kind: \"external_id\", value: $a }, b: { kind: \"external_id\", value: $b }
    ) { status detail decision { id } profiles { unifiedId } }
}";

async fn decide(server: &Server, relation: &str, a: &str, b: &str, revision: Value) -> Value {
    let variables = json!({ "relation": relation, "a": a, "b": b, "revision": revision });
    server.ask(DECIDE, variables).await["decide"].take()
}

async fn id_of(server: &Server, external_id: &str) -> Value {
    let query =
        "query($id: String!) { profile(by: { identifier: { kind: \"external_id\", value: $id } }) { unifiedId } }";
    server.ask(query, json!({ "id": external_id })).await["profile"]["unifiedId"].take()
}

#[tokio::test]
async fn revoking_a_manual_merge_restores_everything() {
    let base = Base::new();
    let server = base.serve();
    server.ingest(&two_customers()).await;
    let before = server.everything(AS_OF).await;
    let ids = [id_of(&server, "a1").await, id_of(&server, "b2").await];

    let mut merged = server.ask(MERGE, json!({ "ids": ids })).await["mergeProfiles"].take();
    assert_eq!(merged["status"], "APPLIED", "{merged}");
    let [profile] = merged["profiles"].as_array().map(Vec::as_slice).expect("profiles") else { panic!("{merged}") };
    assert_eq!(profile["unifiedId"], ids[0], "the older one's ID stays");
    assert_eq!(profile["consents"], json!([{ "channel": "push", "granted": false }]), "the strictest consent wins");
    assert!(profile["supersededIds"].as_array().is_some_and(|it| it.contains(&ids[1])));
    assert_eq!(id_of(&server, "b2").await, ids[0]);
    let by_old_id = "query($id: ID!) { profile(by: { unifiedId: $id }) { unifiedId } }";
    assert_eq!(server.ask(by_old_id, json!({ "id": ids[1] })).await["profile"]["unifiedId"], ids[0]);
    assert_eq!(server.unified_ids().await.len(), 1);
    assert!(base_is_content_after_restart(&base, server).await);

    // Messages that arrive while they are merged belong to the right customer afterwards.
    let server = base.serve();
    let late = messages::purchase("7", "2025-03-02T00:00:00Z", json!({ "external_id": "b2" }), "o3", "5");
    server.ingest(std::slice::from_ref(&late)).await;
    let decision = merged["decision"]["id"].take();
    let revoked = server.ask(REVOKE, json!({ "id": decision })).await["revokeDecision"].take();
    assert_eq!(revoked["status"], "APPLIED", "{revoked}");
    assert_eq!(revoked["decision"]["revokedBy"], "local");
    let after = server.everything(AS_OF).await;
    assert!(base_is_content_after_restart(&base, server).await);

    let never_merged = Base::new();
    let server = never_merged.serve();
    server.ingest(&two_customers()).await;
    assert_eq!(server.everything(AS_OF).await, before);
    server.ingest(&[late]).await;
    assert_eq!(server.everything(AS_OF).await, after);
}

async fn base_is_content_after_restart(base: &Base, server: Server) -> bool {
    assert_eq!(server.stop(), Some(0));
    !base.check().is_empty()
}

#[tokio::test]
async fn stale_and_contradicting_decisions_are_refused() {
    let base = Base::new();
    let server = base.serve();
    server.ingest(&two_customers()).await;
    let (a1, b2) = (id_of(&server, "a1").await, id_of(&server, "b2").await);

    let stale = decide(&server, "SAME", "a1", "b2", json!("0123")).await;
    assert_eq!((&stale["status"], server.unified_ids().await.len()), (&json!("STALE_PREVIEW"), 2));
    let one_of_them = server.ask(MERGE, json!({ "ids": [a1, "00000000-0000-8000-8000-000000000000"] })).await;
    assert_eq!(one_of_them["mergeProfiles"]["status"], "NOT_FOUND");
    assert_eq!(server.ask(MERGE, json!({ "ids": [a1, a1] })).await["mergeProfiles"]["status"], "NO_CHANGE");
    let missing = server.ask(REVOKE, json!({ "id": "bm9uZQ" })).await;
    assert_eq!(missing["revokeDecision"]["status"], "NOT_FOUND");
    let themselves = json!({ "relation": "SAME", "a": "a1", "b": "a1" });
    assert_eq!(server.codes(DECIDE, themselves).await, ["BAD_USER_INPUT"]);

    let different = decide(&server, "DIFFERENT", "a1", "b2", Value::Null).await;
    assert_eq!(different["status"], "APPLIED", "{different}");
    assert_eq!(decide(&server, "DIFFERENT", "b2", "a1", Value::Null).await["status"], "NO_CHANGE");
    let contradicted = server.ask(MERGE, json!({ "ids": [a1, b2] })).await["mergeProfiles"].take();
    assert_eq!(contradicted["status"], "CONTRADICTED");
    let named = different["decision"]["id"].as_str().expect("an ID");
    assert!(contradicted["detail"].as_str().is_some_and(|it| it.contains(named)), "{contradicted}");

    // Also through a third one: a1 = c3 (unknown so far) and c3 = b2 contradict each other.
    assert_eq!(decide(&server, "SAME", "a1", "c3", Value::Null).await["status"], "APPLIED");
    server.ingest(&[messages::identify("8", "2025-03-03T00:00:00Z", json!({ "external_id": "c3" }), json!({}))]).await;
    assert_eq!(id_of(&server, "c3").await, a1, "a decision applies to identifiers that appear later");
    assert_eq!(decide(&server, "SAME", "b2", "c3", Value::Null).await["status"], "CONTRADICTED");

    let list = "{ decisions { nodes { id relation reason actor } } }";
    let found = server.ask(list, Value::Null).await["decisions"]["nodes"].take();
    assert_eq!(found.as_array().map(Vec::len), Some(2), "{found}");
    assert_eq!(server.stop(), Some(0));
    base.check();
}

#[tokio::test]
async fn explanations_name_the_path_or_what_blocks_it() {
    let base = Base::new();
    let server = base.serve();
    server.ingest(&two_customers()).await;
    let explain = "query($a: IdentifierInput!, $b: IdentifierInput!) {
        explain(a: $a, b: $b) {
            together path { a { value } b { value } sources decision { reason } }
            blockedBy { link { a { value } b { value } } reason detail }
        }
    }";
    let identifier = |kind: &str, value: &str| json!({ "kind": kind, "value": value });
    let ask = async |a: Value, b: Value| server.ask(explain, json!({ "a": a, "b": b })).await["explain"].take();

    let together = ask(identifier("email", "b@example.com"), identifier("device_id", "d2")).await;
    let ends: Vec<(&str, &str)> = together["path"]
        .as_array()
        .expect("a path")
        .iter()
        .map(|it| (it["a"]["value"].as_str().unwrap_or_default(), it["b"]["value"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!((&together["together"], ends), (&json!(true), vec![("b@example.com", "b2"), ("d2", "b2")]));

    let apart = ask(identifier("external_id", "a1"), identifier("external_id", "b2")).await;
    let blocked = json!([{
        "link": { "a": { "value": "b2" }, "b": { "value": "+821011112222" } }, "reason": "LIMIT",
        "detail": "together they would hold more of the kind external_id than one customer may",
    }]);
    assert_eq!((&apart["together"], &apart["blockedBy"]), (&json!(false), &blocked));

    let inbox = "{ withheldLinks { totalCount nodes { link { a { value } b { value } } reason detail } } }";
    let found = server.ask(inbox, Value::Null).await["withheldLinks"].take();
    assert_eq!((&found["totalCount"], &found["nodes"]), (&json!(1), &blocked));
    let none = "{ withheldLinks(reason: SHARED) { totalCount nodes { reason } } }";
    assert_eq!(server.ask(none, Value::Null).await["withheldLinks"], json!({ "totalCount": 0, "nodes": [] }));

    // A link leaves the inbox while its ends are in one profile, and returns afterwards.
    let same = decide(&server, "SAME", "a1", "b2", Value::Null).await;
    assert_eq!(server.ask(inbox, Value::Null).await["withheldLinks"]["totalCount"], 0);
    let joined = ask(identifier("external_id", "a1"), identifier("external_id", "b2")).await;
    assert_eq!(joined["path"][0]["decision"]["reason"], "seen in the shop", "{joined}");
    server.ask(REVOKE, json!({ "id": same["decision"]["id"] })).await;
    let again = server.ask(inbox, Value::Null).await["withheldLinks"].take();
    assert_eq!((&again["totalCount"], &again["nodes"]), (&json!(1), &blocked));
    assert_eq!(server.stop(), Some(0));

    let server = base.serve();
    assert_eq!(server.ask(inbox, Value::Null).await["withheldLinks"], again, "the inbox survives a restart");
}
