//! Identifiers in the notations of people and programs, on every route, and databases with older normal forms.

use std::collections::BTreeSet;

use profile360_core::identifier::{
    Identifier, Kind, UnifiedId,
    unified_id::{IdSecret, unified_id},
};
use profile360_tests::{Base, Deadline, SECRET, Server, Writers, in_process, messages};
use serde_json::{Value, json};

const FIND: &str = "query($kind: String!, $value: String!) {
    profile(by: { identifier: { kind: $kind, value: $value } }) {
        unifiedId basic { name } identifiers { kind value shared }
    }
}";

async fn find(server: &Server, kind: &str, value: &str) -> Value {
    server.ask(FIND, json!({ "kind": kind, "value": value })).await["profile"].take()
}

fn identify(number: usize, day: u32, identifiers: Value) -> Value {
    let at = format!("2025-06-{day:02}T09:00:00Z");
    messages::identify(&format!("m{number}"), &at, identifiers, json!({ "df_name": format!("손님{number}") }))
}

#[tokio::test]
async fn notations_of_an_identifier_give_one_customer() {
    let written = [
        (
            "phone",
            "+821000004001",
            ["\u{202a}+82 10-0000-4001\u{202c}", "０１０－００００－４００１", "tel:0082-10-0000-4001", "1000004001"],
        ),
        (
            "email",
            "hana@bücher.example",
            [
                "Hana@XN--BCHER-KVA.example",
                "hana@bu\u{308}cher.example",
                "\u{feff}hana@bücher.example",
                "mailto:hana@bücher.example",
            ],
        ),
        ("external_id", "한-1", ["\u{1112}\u{1161}\u{11ab}-1", "\u{200b}한-1", "한-1\u{3000}", "\u{2067}한-1\u{2069}"]),
        ("device_id", "d-1", [" d-1", "d-1\u{ad}", "\u{a0}d-1", "d\u{200d}-1"]),
    ];
    let mut lines = Vec::new();
    for (kind, normal, others) in &written {
        for value in others.iter().chain([normal]) {
            lines.push(identify(lines.len(), 1, json!({ (*kind): value })));
        }
    }
    let base = Base::with(&messages::ndjson(&lines));
    base.check();
    let server = base.serve();
    for (kind, normal, others) in written {
        let found = find(&server, kind, normal).await;
        assert_eq!(found["identifiers"], json!([{ "kind": kind, "value": normal, "shared": false }]));
        for value in others {
            assert_eq!(find(&server, kind, value).await["unifiedId"], found["unifiedId"], "{value:?}");
        }
    }
    assert_eq!(server.unified_ids().await.len(), 4);
}

#[tokio::test]
async fn blocked_values_join_no_customers() {
    let nobodys = [
        "(null)",
        "#N/A",
        "비회원",
        "해당 없음",
        "なし",
        "k.A.",
        "8.80123E+12",
        "h***r",
        "•••",
        "{{user_id}}",
        "ｎｕｌｌ",
        "-",
    ];
    let mut lines = Vec::new();
    for (number, value) in nobodys.iter().enumerate() {
        for who in ["a", "b"] {
            let email = format!("{who}{number}@example.com");
            lines.push(identify(lines.len(), 1, json!({ "external_id": value, "email": email })));
        }
    }
    lines.push(identify(99, 1, json!({ "external_id": "1001.0" })));
    let server = Base::new().serve();
    let results = server.ingest(&lines).await;
    for result in &results[..lines.len() - 1] {
        assert_eq!(
            (&result["status"], &result["warnings"][0]["code"]),
            (&json!("CREATED"), &json!("IDENTIFIER_BLOCKED"))
        );
    }
    assert_eq!(results[lines.len() - 1]["warnings"][0]["code"], "SUSPICIOUS_IDENTIFIER");
    assert_eq!(server.unified_ids().await.len(), lines.len());
}

#[tokio::test]
async fn ids_of_messages_orders_and_sessions_are_normalized() {
    let who = json!({ "external_id": "u1" });
    let order = |id: &str, at: &str, order_id: &str| messages::purchase(id, at, who.clone(), order_id, "1000");
    let mut with_session = order("m3\u{200b}", "2025-06-03T09:00:00Z", "o-1");
    with_session["session_id"] = json!(" s-1\u{a0}");
    let mut again = order("m4", "2025-06-04T09:00:00Z", "null");
    again["session_id"] = json!("s-1");
    let mut none = order("m5", "2025-06-05T09:00:00Z", "(null)");
    none["session_id"] = json!("undefined");
    let lines = [
        order("m1", "2025-06-01T09:00:00Z", " o-1\u{feff}"),
        order("m1 ", "2025-06-02T09:00:00Z", "o-2"),
        with_session,
        again,
        none,
    ];
    let server = Base::new().serve();
    let results = server.ingest(&lines).await;
    let statuses: Vec<&str> = results.iter().filter_map(|it| it["status"].as_str()).collect();
    assert_eq!(statuses, ["CREATED", "DUPLICATE", "UPDATED", "UPDATED", "UPDATED"]);
    assert_eq!(
        results[3]["warnings"][0],
        json!({ "code": "ID_BLOCKED", "path": "properties.df_order_id",
        "detail": "this value says nothing about who it is; it was left out" })
    );
    let found = server
        .ask(
            "{ profile(by: { identifier: { kind: \"external_id\", value: \"u1\" } }, asOf: \"2025-07-01\") {
                activity { sessionCount } purchases { windows { months count } } } }",
            json!({}),
        )
        .await;
    // The newer message about o-1 counts; two orders have no ID.
    assert_eq!(found["profile"]["purchases"]["windows"][0]["count"], 3);
    assert_eq!(found["profile"]["activity"]["sessionCount"], 1);
}

#[tokio::test]
async fn a_device_of_many_people_within_days_joins_none_of_them() {
    let phone = |number: usize| json!({ "phone": format!("010-0000-21{number:02}"), "device_id": "kiosk-1" });
    let mut lines: Vec<Value> =
        (1..=4).map(|it| identify(it, 1 + u32::try_from(it).expect("few"), phone(it))).collect();
    // A customer with two phones, on a device of their own.
    lines.extend(
        (5..=6).map(|number| {
            identify(number, 1, json!({ "phone": format!("010-0000-31{number:02}"), "device_id": "own" }))
        }),
    );
    let mut seen = BTreeSet::new();
    for backwards in [false, true] {
        let base = Base::new();
        let server = base.serve();
        // One by one, so that each is planned from stored rows.
        for line in &lines {
            server.ingest(std::slice::from_ref(line)).await;
        }
        let kiosk = find(&server, "device_id", "kiosk-1").await;
        assert_eq!(kiosk["identifiers"], json!([{ "kind": "device_id", "value": "kiosk-1", "shared": true }]));
        assert_eq!(server.unified_ids().await.len(), 6, "four people, the tablet, and the customer with two phones");
        let explained = server
            .ask(
                "{ explain(a: { kind: \"phone\", value: \"010-0000-2101\" }, b: { kind: \"phone\", value: \"010-0000-2102\" }) {
                    together blockedBy { reason } } }",
                json!({}),
            )
            .await;
        assert_eq!(explained["explain"]["blockedBy"][0]["reason"], "SHARED", "{explained}");
        seen.insert(server.unified_ids().await);
        assert_eq!(server.stop(), Some(0));
        base.check();
        if !backwards {
            lines.reverse();
        }
    }
    assert_eq!(seen.len(), 1, "independent of the order");
}

#[tokio::test]
async fn eastern_names_are_shown_and_found_family_name_first() {
    let base = Base::new();
    let server = base.serve();
    let batch = json!({ "batch": [
        { "type": "identify", "messageId": "m1", "userId": "u-1", "timestamp": "2025-06-01T09:00:00Z",
          "traits": { "firstName": "지우", "lastName": "한" } },
        { "type": "identify", "messageId": "m2", "userId": "u-2", "timestamp": "2025-06-01T09:00:00Z",
          "traits": { "first_name": "Jiwoo", "last_name": "Han" } },
        { "type": "identify", "messageId": "m3", "userId": "u-3", "timestamp": "2025-06-01T09:00:00Z",
          "traits": { "name": "지우 한" } },
    ] });
    let answer = server.http.post(server.url("/v1/batch")).json(&batch).send().await.expect("it answers");
    assert!(answer.status().is_success());
    for (user, name) in [("u-1", "한지우"), ("u-2", "Jiwoo Han"), ("u-3", "지우 한")] {
        assert_eq!(find(&server, "external_id", user).await["basic"]["name"], name);
    }
    let deadline = Deadline::new("all of them to be listed");
    while server.unified_ids().await.len() < 3 {
        deadline.check("the list");
    }
    for search in ["한지우", "한 지우", "지우 한", "ㅎㅈㅇ", "ㅎ ㅈㅇ"] {
        let found = server
            .ask("query($search: String) { profiles(search: $search) { totalCount } }", json!({ "search": search }))
            .await;
        assert_eq!(found["profiles"]["totalCount"], 2, "{search}");
    }
}

/// A database of a program with the first normal forms: with invisible characters in identifiers and message IDs, and with
/// placeholders as identifiers.
async fn made_by_an_older_program(database: String) -> anyhow::Result<()> {
    let mut writers = Writers::open(&database).await?;
    let pipeline = writers.pipeline().await?;
    let policy = pipeline.snapshot().policy;
    let kept = [
        (
            "m1",
            json!({ "external_id": "u1\u{200b}", "email": "one@example.com" }),
            vec![("external_id", "u1\u{200b}"), ("email", "one@example.com")],
        ),
        (
            "m2",
            json!({ "external_id": "u1", "phone": "010-1111-2222" }),
            vec![("external_id", "u1"), ("phone", "+821011112222")],
        ),
        (
            "m3",
            json!({ "external_id": "없음", "email": "three@example.com" }),
            vec![("external_id", "없음"), ("email", "three@example.com")],
        ),
        (
            "m4",
            json!({ "external_id": "없음", "email": "four@example.com" }),
            vec![("external_id", "없음"), ("email", "four@example.com")],
        ),
        ("m5", json!({ "device_id": "\u{feff}d1" }), vec![("device_id", "\u{feff}d1")]),
        (" m2", json!({ "external_id": "u1" }), vec![("external_id", "u1")]),
    ];
    for (number, (id, identifiers, old)) in (1..).zip(kept) {
        let at = format!("2025-06-0{number}T09:00:00Z");
        let text = messages::identify(id, &at, identifiers, json!({ "score": number })).to_string();
        let mut accepted = profile360_core::message::parse::parse_message(&text.replace("없음", "u9"), &policy)
            .expect("a good message");
        accepted.payload = text;
        accepted.message.id = id.into();
        accepted.message.identifiers =
            old.into_iter().map(|(kind, value)| Identifier::new(Kind::new(kind), value)).collect();
        if let Some(device) = &mut accepted.message.device {
            device.device_id = "\u{feff}d1".into();
        }
        pipeline.ingest(vec![accepted], policy.version).await?;
    }
    drop(pipeline);
    writers.store.set_normal_forms(1).await?;
    writers.close().await
}

#[tokio::test]
async fn a_database_with_older_normal_forms_is_rebuilt_and_old_ids_redirect() {
    let base = Base::new();
    base.write("none.ndjson", "");
    base.import("none.ndjson");
    in_process(made_by_an_older_program(base.database())).expect("the base can be made");
    let old_id = |kind: &str, value: &str| -> UnifiedId {
        unified_id(&Identifier::new(Kind::new(kind), value), &IdSecret::new(SECRET))
    };
    let checked = base.run(&["check"]);
    assert_eq!(checked.status, Some(1), "{}", checked.stdout);
    assert!(checked.stderr.contains("normal forms of an older program"), "{}", checked.stderr);

    let server = base.serve();
    let deadline = Deadline::new("the policy to be published again");
    loop {
        let health: Value =
            server.http.get(server.url("/healthz")).send().await.expect("it answers").json().await.expect("JSON");
        assert_ne!(health["publication"]["state"], "FAILED", "{health}");
        if health["publication"]["state"] == "IN_FORCE" {
            break;
        }
        assert!(health["publication"].is_object(), "{health}");
        deadline.check(&health);
    }
    assert!(server.log().contains("normal forms of an older program"), "{}", server.log());
    let one = find(&server, "email", "one@example.com").await;
    assert_eq!(one["unifiedId"], find(&server, "phone", "010-1111-2222").await["unifiedId"], "merged now");
    let (three, four) =
        (find(&server, "email", "three@example.com").await, find(&server, "email", "four@example.com").await);
    assert_ne!(three["unifiedId"], four["unifiedId"], "no longer joined by a placeholder");
    for (kind, value, leads_to) in [
        ("external_id", "u1\u{200b}", &one),
        ("external_id", "u1", &one),
        ("external_id", "없음", &four),
        ("device_id", "\u{feff}d1", &find(&server, "device_id", "d1").await),
    ] {
        let found = server
            .ask(
                "query($id: ID!) { profile(by: { unifiedId: $id }) { unifiedId } }",
                json!({ "id": old_id(kind, value).to_string() }),
            )
            .await;
        assert!(found["profile"]["unifiedId"].is_string(), "{kind} {value:?} leads on");
        if kind == "external_id" && value == "없음" {
            // It had two people, and redirects to one of them.
            assert!([&three["unifiedId"], &four["unifiedId"]].contains(&&found["profile"]["unifiedId"]));
        } else {
            assert_eq!(found["profile"]["unifiedId"], leads_to["unifiedId"], "{kind} {value:?}");
        }
    }
    assert_eq!(server.stop(), Some(0));
    base.check();

    // A rebuild happens once.
    let server = base.serve();
    assert!(!server.log().contains("read again"), "{}", server.log());
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn an_import_first_rebuilds_a_database_with_older_normal_forms() {
    let base = Base::new();
    base.write("none.ndjson", "");
    base.import("none.ndjson");
    in_process(made_by_an_older_program(base.database())).expect("the base can be made");
    base.write("new.ndjson", messages::ndjson(&[identify(7, 7, json!({ "external_id": "u1" }))]));
    let ran = base.import("new.ndjson");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("4 customers in the database"), "{}", ran.stdout);
    base.check();
    in_process(async move {
        let store = profile360_store::connect(&base.database()).await?;
        assert_eq!(store.unreadable_messages().await?.len(), 1, "the message whose ID collides is kept");
        store.close().await;
        anyhow::Ok(())
    })
    .expect("the base can be read");
}
