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

/// How a server answers a list query that must include a commit: the status, the code of an error, the number of customers.
async fn list_after(server: &Server, commit: &str) -> (u16, Value, Value) {
    let query = json!({ "query": "{ profiles(first: 1) { totalCount } }" });
    let request = server.http.post(server.url("/graphql")).header("Profile360-After", commit).json(&query);
    let response = request.send().await.expect("it answers");
    let status = response.status().as_u16();
    let answer: Value = response.json().await.expect("JSON");
    (status, answer["errors"][0]["extensions"]["code"].clone(), answer["data"]["profiles"]["totalCount"].clone())
}

#[tokio::test]
async fn a_request_waits_for_the_commit_that_it_names() {
    let database = Database::start();
    let bases: [Base; 2] = std::array::from_fn(|_| Base::on(&database));
    let servers = bases.each_ref().map(Base::serve);
    for number in 1..=20_usize {
        let [writer, reader] = [&servers[number % 2], &servers[(number + 1) % 2]];
        let id = format!("u{number}");
        let message = messages::purchase(&id, "2025-03-01T10:00:00Z", json!({ "external_id": id }), &id, "100");
        let body = json!({ "query": messages::INGEST, "variables": { "messages": [messages::input(&message)] } });
        let written = writer.http.post(writer.url("/graphql")).json(&body).send().await.expect("it answers");
        let commit = written.headers()["Profile360-Commit"].to_str().expect("a number").to_owned();
        let written: Value = written.json().await.expect("JSON");
        assert_eq!(written["extensions"]["commit"].to_string(), commit);
        assert_eq!(list_after(reader, &commit).await, (200, Value::Null, json!(number)));
    }
    let [server, _] = &servers;
    assert_eq!(list_after(server, "1000000").await, (503, json!("BEHIND"), Value::Null));
    assert_eq!(list_after(server, "soon").await, (400, json!("GRAPHQL_PARSE_FAILED"), Value::Null));

    // One of them leads, and says so.
    let deadline = Deadline::new("a leader");
    loop {
        let mut statuses = Vec::new();
        for server in &servers {
            statuses.push(server.http.get(server.url("/leaderz")).send().await.expect("it answers").status().as_u16());
        }
        statuses.sort_unstable();
        if statuses == [200, 503] {
            break;
        }
        deadline.check(&statuses);
    }
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
async fn a_lost_database_is_an_error_and_not_a_wait_without_end() {
    let database = Database::start();
    let base = Base::on(&database);
    let server = base.serve();
    let message = |id: &str| messages::purchase(id, "2025-03-01T10:00:00Z", json!({ "external_id": id }), id, "100");
    assert_eq!(server.ingest(&[message("a")]).await[0]["status"], "CREATED");
    drop(database);
    let codes = async |id: &str| {
        let messages = json!({ "messages": [messages::input(&message(id))] });
        server.codes(messages::INGEST, messages).await
    };
    let (one, other) = tokio::join!(codes("b"), codes("c"));
    assert_eq!((one, other), (vec!["UNAVAILABLE".to_owned()], vec!["UNAVAILABLE".to_owned()]));
    let ready = server.http.get(server.url("/readyz")).send().await.expect("it answers");
    assert_eq!(ready.status(), 503);
    assert!(server.stop().is_some(), "it ends though the database is gone");
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
