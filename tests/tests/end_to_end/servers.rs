//! Several servers on one database, which SurrealDB's own server keeps.

use profile360_tests::{Base, Database, Deadline, Server, messages};
use serde_json::{Value, json};

use crate::policy::{everything, other_conclusions, publish};

const MERGE: &str = "mutation($ids: [ID!]!) {
    mergeProfiles(unifiedIds: $ids, reason: \"one person\") { status decision { id } profiles { unifiedId } }
}";
const REVOKE: &str = "mutation($id: ID!) { revokeDecision(id: $id, reason: \"two persons\") { status } }";
const HISTORY: &str = "{ lineage(first: 200) { nodes { kind kept others cause } } }";

/// Waits until a server answers a query as expected.
async fn wait_for(server: &Server, query: &str, expected: &Value) {
    let deadline = Deadline::new("the server to follow");
    loop {
        let found = server.ask(query, Value::Null).await;
        if found == *expected {
            return;
        }
        deadline.check((query, &found, expected));
    }
}

/// Waits until both servers list the same customers, and compares everything about them.
async fn expect_equal(one: &Server, other: &Server) {
    let deadline = Deadline::new("both servers to list the same");
    loop {
        let (found, expected) = (one.unified_ids().await, other.unified_ids().await);
        if found == expected {
            break;
        }
        deadline.check((&found, &expected));
    }
    assert_eq!(everything(one).await, everything(other).await);
}

#[tokio::test]
async fn a_database_server_keeps_what_a_folder_keeps() {
    let lines = messages::generated(40, 21);
    let folder = Base::with(&lines);
    let database = Database::start();
    let base = Base::on(&database);
    base.write("messages.ndjson", &lines);
    let imported = base.import("messages.ndjson");
    assert_eq!(imported.status, Some(0), "{}{}", imported.stderr, database.log());
    assert_eq!(base.check(), folder.check());
    expect_equal(&base.serve(), &folder.serve()).await;
}

#[tokio::test]
async fn each_server_shows_what_the_others_write() {
    let database = Database::start();
    let (base, other_base) = (Base::on(&database), Base::on(&database));
    let (one, other) = (base.serve(), other_base.serve());
    let lines = messages::generated(30, 22);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (server, part) in [&one, &other].into_iter().cycle().zip(lines.chunks(40)) {
        server.ingest(part).await;
    }
    expect_equal(&one, &other).await;

    let ids = &one.unified_ids().await[..2];
    let merged = other.ask(MERGE, json!({ "ids": ids })).await["mergeProfiles"].take();
    assert_eq!(merged["status"], "APPLIED", "{merged}");
    let history = other.ask(HISTORY, Value::Null).await;
    wait_for(&one, HISTORY, &history).await;
    expect_equal(&one, &other).await;
    // Only who knows of the decision can revoke it.
    let revoked = one.ask(REVOKE, json!({ "id": merged["decision"]["id"] })).await;
    assert_eq!(revoked["revokeDecision"]["status"], "APPLIED", "{revoked}");
    let history = one.ask(HISTORY, Value::Null).await;
    wait_for(&other, HISTORY, &history).await;
    expect_equal(&one, &other).await;
    assert_eq!(one.stop(), Some(0), "{}", other.log());
    assert_eq!(other.stop(), Some(0));
    base.check();
}

#[tokio::test]
async fn a_policy_is_published_through_any_server_and_is_in_force_on_all() {
    let database = Database::start();
    let base = Base::on(&database);
    base.write("messages.ndjson", messages::generated(30, 23));
    assert_eq!(base.import("messages.ndjson").status, Some(0));
    let (first_base, second_base) = (Base::on(&database), Base::on(&database));
    let (first, second) = (first_base.serve(), second_base.serve());
    // One of the two leads.
    for (server, other) in [(&first, &second), (&second, &first)] {
        let version = publish(server, other_conclusions(), None).await;
        wait_for(other, "{ policy { version } }", &json!({ "policy": { "version": version } })).await;
        expect_equal(server, other).await;
        let late = messages::identify(
            &format!("late-{version}"),
            "2025-12-30T10:00:00Z",
            json!({ "external_id": format!("late-{version}") }),
            json!({ "df_name": "늦은이" }),
        );
        let results = other.ingest(&[late]).await;
        assert_eq!(results[0]["status"], "CREATED", "{results:?}");
        expect_equal(server, other).await;
    }
    assert_eq!((first.stop(), second.stop()), (Some(0), Some(0)));
    base.check();
}

#[tokio::test]
async fn the_lead_passes_on_when_its_server_stops_or_is_killed() {
    let database = Database::start();
    let bases: [Base; 3] = std::array::from_fn(|_| Base::on(&database));
    let [first, second, third] = &bases;
    let mut leader = first.serve();
    for (step, next) in [second, third].into_iter().enumerate() {
        let follower = next.serve();
        let id = format!("u{step}");
        let message = messages::purchase(&id, "2025-03-01T10:00:00Z", json!({ "external_id": id }), &id, "100");
        leader.ingest(&[message]).await;
        expect_equal(&leader, &follower).await;
        if step == 0 {
            assert_eq!(leader.stop(), Some(0));
        } else {
            leader.kill();
        }
        // A server that does not lead has it published by the one that does.
        publish(&follower, other_conclusions(), None).await;
        leader = follower;
    }
    assert_eq!(leader.stop(), Some(0));
    first.check();
}
