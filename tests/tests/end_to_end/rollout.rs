//! Policy rollouts that are killed, and what they leave.

use profile360_store::{Entry, ProjectionState};
use profile360_tests::{Base, Deadline, Server, in_process, messages};
use serde_json::{Value, json};

use crate::policy::{everything, other_conclusions, publish, wait_until_in_force};

const PUBLISH: &str = "mutation($document: JSON!) {
    publishPolicy(policy: { document: $document }, reason: \"a try\") { version status }
}";
const LINEAGE: &str = "{ lineage(first: 200) { nodes { kind cause policyVersion kept others } } }";

/// The journal, and the active projection with the state of all.
fn evidence(base: &Base) -> (Vec<(i64, Entry)>, i64, Vec<ProjectionState>) {
    let database = base.database();
    in_process(async move {
        let store = profile360_store::connect(&database).await?;
        let journal = store.journal(0, store.last_commit().await?).await?;
        let states = store.projections().await?.into_values().map(|it| it.state).collect();
        let active = store.projection();
        store.close().await;
        anyhow::Ok((journal, active, states))
    })
    .expect("the database can be read")
}

/// Kills the server once the publication has reached a state, or a later one.
async fn kill_in(server: Server, state: &str) {
    const STATES: [&str; 4] = ["READING", "LISTING", "SWITCHING", "IN_FORCE"];
    let position = |name: &Value| STATES.iter().position(|it| *name == **it);
    let deadline = Deadline::new("the publication to get on");
    loop {
        let health = server.http.get(server.url("/healthz")).send().await.expect("it answers");
        let health: Value = health.json().await.expect("JSON");
        let reached = position(&health["publication"]["state"]);
        if position(&json!(state)) <= reached {
            break;
        }
        deadline.check(&health);
    }
    server.kill();
}

#[tokio::test]
async fn a_killed_rollout_leaves_one_projection_or_the_other_and_the_same_journal() {
    let lines = messages::generated(60, 15);
    let expected = {
        let base = Base::with(&lines);
        let server = base.serve();
        publish(&server, other_conclusions(), None).await;
        (server.unified_ids().await, server.ask(LINEAGE, Value::Null).await)
    };
    for state in ["READING", "LISTING", "SWITCHING", "IN_FORCE"] {
        let base = Base::with(&lines);
        let (before, ..) = evidence(&base);
        let server = base.serve();
        let published = server.ask(PUBLISH, json!({ "document": other_conclusions() })).await["publishPolicy"].take();
        kill_in(server, state).await;

        let (after, active, states) = evidence(&base);
        assert_eq!(after[..before.len()], before, "{state}: the journal is as it was");
        let added: Vec<&Entry> = after[before.len()..].iter().map(|(_, entry)| entry).collect();
        let has_switched = active == 2;
        assert!(
            added.iter().all(|it| matches!(it, Entry::Switch(_))) && added.len() == usize::from(has_switched),
            "{state}"
        );
        assert_eq!(states.iter().filter(|it| **it == ProjectionState::Active).count(), 1, "{state}: {states:?}");

        let server = base.serve();
        wait_until_in_force(&server, &published["version"]).await;
        let found = (server.unified_ids().await, server.ask(LINEAGE, Value::Null).await);
        assert_eq!(found, expected, "{state}");
        assert_eq!(server.stop(), Some(0));
        base.check();
    }
}

/// What came since is in the projection that was active before, too: messages, decisions and their unified IDs.
#[tokio::test]
async fn going_back_reads_only_what_came_since() {
    let lines = messages::generated(40, 16);
    let base = Base::with(&lines);
    let server = base.serve();
    publish(&server, other_conclusions(), None).await;
    let late = [
        messages::identify(
            "late1",
            "2025-12-30T00:00:00Z",
            json!({ "external_id": "late", "device_id": "d-late" }),
            json!({}),
        ),
        messages::purchase("late2", "2025-12-30T01:00:00Z", json!({ "external_id": "late2" }), "late-order", "10"),
    ];
    server.ingest(&late).await;
    let decide = "mutation {
        decide(relation: SAME, a: { kind: \"external_id\", value: \"late\" }, b: { kind: \"external_id\", value: \"late2\" },
            reason: \"said so\") { status }
    }";
    assert_eq!(server.ask(decide, Value::Null).await["decide"]["status"], "APPLIED");
    publish(&server, json!({}), Some(1)).await;
    let found = everything(&server).await;
    assert_eq!(server.stop(), Some(0));
    base.check();
    let (_, active, states) = evidence(&base);
    assert_eq!(
        (active, states),
        (1, vec![ProjectionState::Active, ProjectionState::Previous]),
        "no third one was filled"
    );

    let fresh = Base::with(&(lines + &messages::ndjson(&late)));
    let server = fresh.serve();
    server.ask(decide, Value::Null).await;
    publish(&server, json!({ "max_links": 999 }), None).await;
    publish(&server, json!({}), Some(1)).await;
    assert_eq!(everything(&server).await, found);
}
