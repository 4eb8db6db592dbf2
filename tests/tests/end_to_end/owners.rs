//! Retirements: each owner of a reassigned value keeps their data, in any order of arrival.

use profile360_tests::{Base, Server, messages};
use serde_json::{Value, json};

const AS_OF: &str = "2025-04-01";
const RETIRE: &str = "mutation($value: String!, $from: DateTime!) {
    retireIdentifier(identifier: { kind: \"phone\", value: $value }, from: $from, reason: \"the carrier gave it away\") {
        status detail retirement { id kind value from reason actor } profiles { unifiedId basic { name phone } }
    }
}";
const REVOKE: &str = "mutation($id: ID!) {
    revokeDecision(id: $id, reason: \"a mistake\") { status retirement { revokedBy } profiles { unifiedId } }
}";

/// Messages with a number of 김하나 until the 10th and of 이두리 since, who has no other ID: orders, a correction, a refund and
/// sessions on both sides of that day.
fn messages_of_both() -> Vec<Value> {
    let phone = || json!({ "phone": "010-1111-2222" });
    let day = |day: u32, hour: u32| format!("2025-03-{day:02}T{hour:02}:00:00Z");
    let refund = |id: &str, at: &str, identifiers: Value| {
        messages::event(id, at, identifiers, "df_refund", json!({ "df_total_purchase_amount": 10 }))
    };
    let visit = |id: &str, at: &str, identifiers: Value, session: &str| {
        let mut message = messages::event(id, at, identifiers, "df_view_home", json!({}));
        message["session_id"] = session.into();
        message
    };
    vec![
        messages::identify(
            "1",
            &day(1, 0),
            json!({ "phone": "010-1111-2222", "external_id": "a1" }),
            json!({ "df_name": "김하나" }),
        ),
        messages::purchase("2", &day(2, 0), phone(), "o1", "100"),
        refund("3", &day(3, 0), phone()),
        visit("4", &day(4, 0), json!({ "phone": "010-1111-2222", "device_id": "d1" }), "s1"),
        messages::purchase("5", &day(5, 0), phone(), "o2", "50"),
        visit("6", &day(9, 23), phone(), "s2"),
        messages::identify(
            "7",
            &day(10, 0),
            json!({ "phone": "010-1111-2222", "kakao_id": "k2" }),
            json!({ "df_name": "이두리" }),
        ),
        visit("8", &day(10, 1), phone(), "s2"),
        messages::purchase("9", &day(11, 0), phone(), "o2", "70"),
        refund("10", &day(12, 0), phone()),
        messages::purchase("11", &day(13, 0), json!({ "phone": "010-1111-2222", "email": "b@example.com" }), "o3", "9"),
        visit("12", &day(14, 0), json!({ "phone": "010-1111-2222", "device_id": "d2" }), "s3"),
    ]
}

async fn retire(server: &Server) -> Value {
    let variables = json!({ "value": "010-1111-2222", "from": "2025-03-10T00:00:00Z" });
    server.ask(RETIRE, variables).await["retireIdentifier"].take()
}

fn stop_and_check(base: &Base, server: Server) {
    assert_eq!(server.stop(), Some(0));
    base.check();
}

#[tokio::test]
async fn messages_belong_to_the_owner_at_their_time_in_any_order() {
    let all = messages_of_both();

    let base = Base::new();
    let server = base.serve();
    server.ingest(&all).await;
    assert_eq!(server.unified_ids().await.len(), 1, "one number is one customer without a retirement");
    let retired = retire(&server).await;
    assert_eq!(retired["status"], "APPLIED", "{retired}");
    let mut owners: Vec<(&Value, &Value)> = retired["profiles"]
        .as_array()
        .expect("profiles")
        .iter()
        .map(|it| (&it["basic"]["name"], &it["basic"]["phone"]))
        .collect();
    owners.sort_by_key(|(name, _)| name.to_string());
    assert_eq!(owners, [(&json!("김하나"), &Value::Null), (&json!("이두리"), &json!("+821011112222"))]);
    assert_eq!(retire(&server).await["status"], "NO_CHANGE");
    let expected = server.everything(AS_OF).await;
    stop_and_check(&base, server);

    let server = base.serve();
    assert_eq!(server.everything(AS_OF).await, expected, "a restart changes nothing");
    drop(server);

    let base = Base::new();
    let server = base.serve();
    retire(&server).await;
    for message in all.iter().rev() {
        server.ingest(std::slice::from_ref(message)).await;
    }
    assert_eq!(server.everything(AS_OF).await, expected, "retired before all messages, which arrive in reverse");
    stop_and_check(&base, server);

    let base = Base::new();
    let server = base.serve();
    server.ingest(&all[8..]).await;
    retire(&server).await;
    server.ingest(&all[..8]).await;
    assert_eq!(server.everything(AS_OF).await, expected, "retired in between, with late messages afterwards");
    stop_and_check(&base, server);
}

#[tokio::test]
async fn revoking_a_retirement_undoes_it_and_old_ids_keep_resolving() {
    let all = messages_of_both();
    let untouched = Base::new();
    let server = untouched.serve();
    server.ingest(&all).await;
    let expected = server.everything(AS_OF).await;
    drop(server);

    let base = Base::new();
    let server = base.serve();
    server.ingest(&all[..9]).await;
    let retired = retire(&server).await;
    let issued = server.unified_ids().await;
    assert_eq!(issued.len(), 2);
    server.ingest(&all[9..]).await;
    let revoked = server.ask(REVOKE, json!({ "id": retired["retirement"]["id"] })).await["revokeDecision"].take();
    assert_eq!((&revoked["status"], &revoked["retirement"]["revokedBy"]), (&json!("APPLIED"), &json!("local")));
    assert_eq!(server.everything(AS_OF).await, expected);
    let by_id = "query($id: ID!) { profile(by: { unifiedId: $id }) { unifiedId } }";
    for id in issued {
        let found = server.ask(by_id, json!({ "id": id })).await["profile"]["unifiedId"].take();
        assert!(found.is_string(), "{id} was shown and leads nowhere");
    }
    stop_and_check(&base, server);
}

#[tokio::test]
async fn decisions_on_an_owner_survive_its_absence_and_explanations_name_the_retirement() {
    let base = Base::new();
    let server = base.serve();
    let at = |hour: u32| format!("2025-03-20T{hour:02}:00:00Z");
    let phone = || json!({ "phone": "010-1111-2222", "external_id": "b2" });
    server
        .ingest(&[
            messages::identify("1", &at(1), phone(), json!({})),
            messages::identify("2", &at(2), json!({ "email": "a@example.com" }), json!({})),
        ])
        .await;
    let decide = "mutation {
        decide(relation: SAME, a: { kind: \"phone\", value: \"01011112222\" }, b: { kind: \"email\", value: \"a@example.com\" },
            reason: \"their own words\") { status decision { id } profiles { unifiedId } }
    }";
    let decided = server.ask(decide, Value::Null).await["decide"].take();
    assert_eq!(server.unified_ids().await.len(), 1);

    // All messages with the number are after that day: the first owner is gone, and the decision waits.
    let retired = retire(&server).await;
    assert_eq!(server.unified_ids().await.len(), 2, "{retired}");
    let list = "{ decisions { nodes { id } } }";
    assert_eq!(server.ask(list, Value::Null).await["decisions"]["nodes"], json!([{ "id": decided["decision"]["id"] }]));
    server
        .ingest(&[messages::identify("3", "2025-03-01T00:00:00Z", json!({ "phone": "010-1111-2222" }), json!({}))])
        .await;
    assert_eq!(server.unified_ids().await.len(), 2, "the first owner is back, and the decision applies");

    let explain =
        "{ explain(a: { kind: \"external_id\", value: \"b2\" }, b: { kind: \"email\", value: \"a@example.com\" }) {
        together blockedBy { reason detail link { a { value retiredAt } b { value retiredAt } } }
    } }";
    let explained = server.ask(explain, Value::Null).await["explain"].take();
    let owner = |end: Value| json!({ "value": "+821011112222", "retiredAt": end });
    let blocked = json!([{
        "reason": "RETIRED", "detail": "the value was given to someone else in between",
        "link": { "a": owner(json!("2025-03-10T00:00:00Z")), "b": owner(Value::Null) },
    }]);
    assert_eq!((&explained["together"], &explained["blockedBy"]), (&json!(false), &blocked));
    stop_and_check(&base, server);
}
