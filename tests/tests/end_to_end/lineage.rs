//! Lineage: the history of merges and unmerges.

use profile360_tests::{Base, messages};
use serde_json::{Value, json};

const LINEAGE: &str = "query($id: ID, $first: Int, $after: String, $last: Int, $before: String) {
    lineage(unifiedId: $id, first: $first, after: $after, last: $last, before: $before) {
        nodes { at kind kept others cause messageId decision { reason } retirement { reason } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}";

#[tokio::test]
async fn lineage_has_every_merge_and_unmerge_with_its_cause() {
    let base = Base::new();
    let server = base.serve();
    let at = |hour: u32| format!("2025-03-20T{hour:02}:00:00Z");
    let results = server
        .ingest(&[
            messages::identify("1", &at(1), json!({ "external_id": "a1" }), json!({})),
            messages::identify("2", &at(2), json!({ "phone": "010-1111-2222" }), json!({})),
            messages::identify("3", &at(3), json!({ "external_id": "b2" }), json!({})),
        ])
        .await;
    let [a1, phone, b2] = [0, 1, 2].map(|it: usize| results[it]["unifiedId"].clone());
    server
        .ingest(&[
            messages::identify("4", &at(4), json!({ "device_id": "d9" }), json!({})),
            messages::identify("5", &at(5), json!({ "external_id": "a1", "phone": "010-1111-2222" }), json!({})),
        ])
        .await;
    let merge = "mutation($ids: [ID!]!) {
        mergeProfiles(unifiedIds: $ids, reason: \"one person\") { status decision { id } }
    }";
    let merged = server.ask(merge, json!({ "ids": [a1, b2] })).await["mergeProfiles"].take();
    assert_eq!(merged["status"], "APPLIED");
    let revoke = "mutation($id: ID!) { revokeDecision(id: $id, reason: \"no\") { status } }";
    server.ask(revoke, json!({ "id": merged["decision"]["id"] })).await;
    let retire = "mutation {
        retireIdentifier(identifier: { kind: \"phone\", value: \"01011112222\" }, from: \"2025-03-20T05:00:00Z\", reason: \"given away\") { status }
    }";
    server.ask(retire, Value::Null).await;

    let all = server.ask(LINEAGE, json!({})).await["lineage"].take();
    let nodes = all["nodes"].as_array().expect("a list");
    let of = |it: &Value| (it["kind"].clone(), it["kept"].clone(), it["others"].clone(), it["cause"].clone());
    let found: Vec<_> = nodes.iter().map(of).collect();
    let event = |kind: &str, kept: &Value, others: &[&Value], cause: &str| {
        (json!(kind), kept.clone(), json!(others), json!(cause))
    };
    let expected = [
        event("UNMERGED", &a1, &[&phone], "RETIREMENT"),
        event("UNMERGED", &a1, &[&b2], "DECISION"),
        event("MERGED", &a1, &[&b2], "DECISION"),
        event("MERGED", &a1, &[&phone], "MESSAGE"),
    ];
    assert_eq!(found, expected);
    assert_eq!(nodes[0]["retirement"]["reason"], "given away");
    assert_eq!(nodes[2]["decision"]["reason"], "one person");
    assert_eq!(nodes[3]["messageId"], "5", "the message of its batch that links both");

    // By a participant; in pages, from both ends.
    let of_b2 = server.ask(LINEAGE, json!({ "id": b2 })).await["lineage"]["nodes"].take();
    assert_eq!(of_b2, json!(nodes[1..3]));
    let page = server.ask(LINEAGE, json!({ "first": 3 })).await["lineage"].take();
    assert_eq!((&page["nodes"], &page["pageInfo"]["hasNextPage"]), (&json!(nodes[..3]), &json!(true)));
    let rest = json!({ "first": 3, "after": page["pageInfo"]["endCursor"] });
    let rest = server.ask(LINEAGE, rest).await["lineage"].take();
    assert_eq!((&rest["nodes"], &rest["pageInfo"]["hasNextPage"]), (&json!(nodes[3..]), &json!(false)));
    let back = json!({ "last": 2, "before": rest["pageInfo"]["startCursor"] });
    let back = server.ask(LINEAGE, back).await["lineage"].take();
    assert_eq!((&back["nodes"], &back["pageInfo"]["hasPreviousPage"]), (&json!(nodes[1..3]), &json!(true)));
    assert_eq!(server.codes(LINEAGE, json!({ "after": "x" })).await, ["BAD_CURSOR"]);

    assert_eq!(server.stop(), Some(0));
    let server = base.serve();
    assert_eq!(server.ask(LINEAGE, json!({})).await["lineage"], all, "it is there after a restart");
}
