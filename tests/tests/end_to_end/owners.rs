//! Retirements: each owner of a reassigned value keeps their data, in any order of arrival, and a dry run says what will become
//! of it.

use std::collections::BTreeSet;

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

/// What a preview shows of a customer, and how a profile shows the same.
const SHOWN: &str = "unifiedId
    basic { name phone email gender birthDate age membershipLevel deviceCount platforms recentArea avatar { letter color } }
    identifiers { kind value unifiedId firstSeenAt lastSeenAt sources shared retiredAt }
    activity { firstAccessAt lastActivityAt eventCount sessionCount lastUpdatedAt }";
const WINDOWS: &str = "currency windows { months from to count amount average }";

/// `retireIdentifier`, or with an ID `revokeDecision`.
async fn change(server: &Server, id: Option<&Value>, from: &str, revision: &Value, is_dry_run: bool) -> Value {
    let payload = format!(
        "status detail retirement {{ id }} profiles {{ unifiedId }}
         preview {{ revision omitted before {{ {SHOWN} {WINDOWS} }} after {{ {SHOWN} {WINDOWS} }} }}"
    );
    let retire = format!(
        "mutation($from: DateTime!, $revision: String, $dry: Boolean) {{ retireIdentifier(
            identifier: {{ kind: \"phone\", value: \"01011112222\" }}, from: $from, reason: \"given away\",
            expectedRevision: $revision, dryRun: $dry
        ) {{ {payload} }} }}"
    );
    let revoke = format!(
        "mutation($id: ID!, $revision: String, $dry: Boolean) {{ revokeDecision(
            id: $id, reason: \"a mistake\", expectedRevision: $revision, dryRun: $dry
        ) {{ {payload} }} }}"
    );
    match id {
        Some(id) => {
            let variables = json!({ "id": id, "revision": revision, "dry": is_dry_run });
            server.ask(&revoke, variables).await["revokeDecision"].take()
        }
        None => {
            let variables = json!({ "from": from, "revision": revision, "dry": is_dry_run });
            server.ask(&retire, variables).await["retireIdentifier"].take()
        }
    }
}

/// A customer as previews show it.
async fn previewed(server: &Server, id: &Value) -> Value {
    let query =
        format!("query($id: ID!) {{ profile(by: {{ unifiedId: $id }}) {{ {SHOWN} purchases {{ {WINDOWS} }} }} }}");
    let mut profile = server.ask(&query, json!({ "id": id })).await["profile"].take();
    let purchases = profile["purchases"].take();
    let fields = profile.as_object_mut().expect("an object");
    fields.remove("purchases");
    fields.extend(purchases.as_object().expect("an object").clone());
    profile
}

fn ids_of(profiles: &Value) -> BTreeSet<String> {
    let ids = profiles.as_array().expect("a list").iter().map(|it| it["unifiedId"].as_str().expect("an ID").to_owned());
    ids.collect()
}

/// A dry run changes nothing, and what it shows is what the change then does.
async fn check_dry_run(server: &Server, id: Option<&Value>, from: &str) -> Value {
    let state = server.everything(AS_OF).await;
    let customers: BTreeSet<String> = server.unified_ids().await.into_iter().collect();
    let dry = change(server, id, from, &Value::Null, true).await;
    assert_eq!((&dry["status"], &dry["profiles"]), (&json!("APPLIED"), &json!([])), "{dry}");
    let preview = &dry["preview"];
    assert_eq!(server.everything(AS_OF).await, state, "a dry run changed something");
    for before in preview["before"].as_array().expect("a list") {
        assert_eq!(previewed(server, &before["unifiedId"]).await, *before, "from {from}");
    }
    let stale = change(server, id, from, &json!("0123"), true).await;
    assert_eq!((&stale["status"], &stale["preview"]), (&json!("STALE_PREVIEW"), &Value::Null));

    let real = change(server, id, from, &preview["revision"], false).await;
    assert_eq!((&real["status"], &real["preview"]), (&json!("APPLIED"), &Value::Null), "{real}");
    for after in preview["after"].as_array().expect("a list") {
        assert_eq!(previewed(server, &after["unifiedId"]).await, *after, "from {from}");
    }
    let changed: BTreeSet<String> =
        customers.difference(&ids_of(&preview["before"])).cloned().chain(ids_of(&preview["after"])).collect();
    assert_eq!(server.unified_ids().await.into_iter().collect::<BTreeSet<_>>(), changed, "from {from}");
    real
}

#[tokio::test]
async fn a_dry_run_shows_what_the_change_then_does() {
    let all = messages_of_both();
    // Before everything, between the owners, within the second one's time, and after everything.
    for from in ["2025-02-01", "2025-03-10", "2025-03-12", "2026-01-01"] {
        let base = Base::new();
        let server = base.serve();
        server.ingest(&all).await;
        let stranger = json!({ "external_id": "z9" });
        server.ingest(&[messages::identify("z", "2025-03-01T00:00:00Z", stranger, json!({ "df_name": "박셋" }))]).await;
        let from = format!("{from}T00:00:00Z");
        let retired = check_dry_run(&server, None, &from).await;
        check_dry_run(&server, Some(&retired["retirement"]["id"]), &from).await;
        assert_eq!(change(&server, None, &from, &Value::Null, false).await["status"], "APPLIED");
        assert_eq!(change(&server, None, &from, &Value::Null, true).await["status"], "NO_CHANGE");
        stop_and_check(&base, server);
    }
}

#[tokio::test]
async fn a_retirement_after_another_change_is_stale() {
    let base = Base::new();
    let server = base.serve();
    let all = messages_of_both();
    server.ingest(&all[..9]).await;
    let from = "2025-03-10T00:00:00Z";
    let revision = change(&server, None, from, &Value::Null, true).await["preview"]["revision"].take();
    server.ingest(&all[9..]).await;
    assert_eq!(change(&server, None, from, &revision, false).await["status"], "STALE_PREVIEW");
    assert_eq!(server.unified_ids().await.len(), 1, "nothing was retired");
    let codes = "mutation($from: DateTime!) { retireIdentifier(
        identifier: { kind: \"phone\", value: \"\" }, from: $from, reason: \"x\", dryRun: true) { status } }";
    assert_eq!(server.codes(codes, json!({ "from": from })).await, ["BAD_USER_INPUT"]);
    stop_and_check(&base, server);
}

#[tokio::test]
async fn sightings_count_the_messages_of_each_month() {
    let base = Base::new();
    let server = base.serve();
    let query = "query($months: Int!) {
        sightings(identifier: { kind: \"phone\", value: \"01011112222\" }, months: $months) { complete months { month count } }
    }";
    let phone = || json!({ "phone": "010-1111-2222", "external_id": "a1" });
    let empty = server.ask(query, json!({ "months": 18 })).await["sightings"]["months"].take();
    let months: Vec<&str> = empty.as_array().expect("a list").iter().filter_map(|it| it["month"].as_str()).collect();
    assert_eq!(months.len(), 18);
    let mut expected = vec![0; 18];
    // The first hours of a month in Seoul are the last ones of the month before in UTC.
    for (month, day, n) in [(2, "15T00", 2), (3, "01T00", 1), (16, "15T00", 3)] {
        let at = format!("{}-{day}:00:00+09:00", messages::beginning(months[month], 7));
        let said = (0..n).map(|it| messages::event(&format!("{month} {it}"), &at, phone(), "df_view_home", json!({})));
        server.ingest(&said.collect::<Vec<_>>()).await;
        expected[month] = n;
    }
    // Another value of the same home is not counted.
    let at = format!("{}-15T00:00:00Z", messages::beginning(months[2], 7));
    server.ingest(&[messages::event("other", &at, json!({ "external_id": "a1" }), "df_view_home", json!({}))]).await;
    let found = server.ask(query, json!({ "months": 18 })).await["sightings"].take();
    let counts: Vec<i64> =
        found["months"].as_array().expect("a list").iter().filter_map(|it| it["count"].as_i64()).collect();
    assert_eq!((&found["complete"], counts), (&json!(true), expected));
    assert_eq!(server.codes(query, json!({ "months": 61 })).await, ["BAD_USER_INPUT"]);
    stop_and_check(&base, server);
}
