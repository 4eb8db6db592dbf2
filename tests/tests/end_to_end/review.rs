//! The review queue: withheld links as cases, their scores, their answers and their undoing.

use profile360_tests::{Base, Server, messages};
use serde_json::{Value, json};

const PHONE: &str = "+821033334444";

/// A family of three with one phone number, and a shop's tablet that four customers used.
fn sent() -> Vec<Value> {
    let people = [
        ("m1", "박지유", "1985-03-01", "FEMALE"),
        ("m2", "박예은", "2023-04-01", "FEMALE"),
        ("m3", "박 지유", "1985-03-01", "FEMALE"),
    ];
    let mut sent = Vec::new();
    for (number, (id, name, birth, gender)) in people.iter().enumerate() {
        let at = format!("2025-03-0{}T10:00:00Z", number + 1);
        let attributes = json!({ "df_name": name, "df_birth": birth, "df_gender": gender });
        sent.push(messages::identify(
            &format!("own-{id}"),
            &at,
            json!({ "external_id": id, "email": format!("{id}@example.com") }),
            attributes,
        ));
        let identifiers = json!({ "external_id": id, "phone": PHONE });
        sent.push(messages::event(&format!("phone-{id}"), &at, identifiers, "df_view_home", json!({})));
    }
    for number in 1..=4 {
        let identifiers = json!({ "phone": format!("010-5555-000{number}"), "device_id": "tablet" });
        let at = format!("2025-03-10T1{number}:00:00Z");
        sent.push(messages::event(&format!("tablet-{number}"), &at, identifiers, "df_view_home", json!({})));
    }
    sent
}

const CASES: &str = "query($kind: ReviewCaseKind, $order: ReviewCaseOrder, $search: String, $first: Int, $after: String) {
    reviewCases(kind: $kind, orderBy: $order, search: $search, first: $first, after: $after) {
        totalCount pageInfo { hasNextPage endCursor }
        nodes {
            id kind value { kind value } limitedKind needsDecision linkCount openLinkCount customerCount score closest revision
            reasons { signal points years }
            customers { holdsValue profile { unifiedId basic { name } } links { reason } }
        }
    }
}";
const COUNTS: &str = "{ reviewCounts { contested shared blocked settled } }";
const RESOLVE: &str = "mutation($answers: [ReviewAnswer!]!) {
    resolveCases(answers: $answers, reason: \"asked them\") { status detail decisions { id relation } profiles { unifiedId } }
}";
const REVOKE: &str = "mutation($id: ID!) { revokeDecision(id: $id, reason: \"undone\") { status } }";

async fn cases(server: &Server, variables: Value) -> Value {
    server.ask(CASES, variables).await["reviewCases"].take()
}

async fn counts(server: &Server) -> [u64; 4] {
    let counts = server.ask(COUNTS, Value::Null).await["reviewCounts"].take();
    ["contested", "shared", "blocked", "settled"].map(|kind| counts[kind].as_u64().unwrap_or(u64::MAX))
}

async fn resolve(server: &Server, answers: Value) -> Value {
    server.ask(RESOLVE, json!({ "answers": answers })).await["resolveCases"].take()
}

#[tokio::test]
async fn one_value_is_one_case_with_a_score_and_reasons() {
    let base = Base::new();
    let server = base.serve();
    server.ingest(&sent()).await;
    assert_eq!(counts(&server).await, [1, 1, 0, 0], "the tablet needs no decision");

    let found = cases(&server, json!({ "kind": "CONTESTED" })).await;
    let [case] = found["nodes"].as_array().map(Vec::as_slice).expect("cases") else { panic!("{found}") };
    assert_eq!(case["value"], json!({ "kind": "phone", "value": PHONE }));
    assert_eq!((&case["linkCount"], &case["openLinkCount"], &case["customerCount"]), (&json!(2), &json!(2), &json!(3)));
    assert_eq!((&case["limitedKind"], &case["needsDecision"]), (&json!("external_id"), &json!(true)));
    let customers = case["customers"].as_array().expect("customers");
    let names: Vec<&str> =
        customers.iter().map(|it| it["profile"]["basic"]["name"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, ["박지유", "박예은", "박 지유"], "the holder first, then in the order of time");
    assert_eq!(customers[0]["holdsValue"], true);
    // The two registrations of one person are the closest, though one of them holds the number and the other does not.
    assert_eq!(case["score"], 100);
    assert_eq!(case["closest"], json!([customers[0]["profile"]["unifiedId"], customers[2]["profile"]["unifiedId"]]));
    let signals: Vec<&str> =
        case["reasons"].as_array().expect("reasons").iter().filter_map(|it| it["signal"].as_str()).collect();
    assert_eq!(signals, ["SAME_VALUE", "SAME_NAME", "SAME_BIRTH_DATE", "SAME_GENDER", "ONE_AFTER_THE_OTHER"]);

    let shared = cases(&server, json!({ "kind": "SHARED" })).await;
    assert_eq!(shared["nodes"][0]["value"], json!({ "kind": "device_id", "value": "tablet" }));
    assert_eq!(shared["nodes"][0]["linkCount"], 4);
    assert_eq!(shared["nodes"][0]["score"], Value::Null);

    // Every order shows every case once, page by page.
    for order in ["SCORE", "NEWEST", "EVIDENCE"] {
        let first = cases(&server, json!({ "order": order, "first": 1 })).await;
        let after = &first["pageInfo"]["endCursor"];
        let second = cases(&server, json!({ "order": order, "first": 1, "after": after })).await;
        assert_eq!((&first["totalCount"], &second["pageInfo"]["hasNextPage"]), (&json!(2), &json!(false)));
        let wanted = if order == "SCORE" { ["CONTESTED", "SHARED"] } else { ["SHARED", "CONTESTED"] };
        assert_eq!([&first["nodes"][0]["kind"], &second["nodes"][0]["kind"]], wanted, "{order}");
        let other = if order == "SCORE" { "NEWEST" } else { "SCORE" };
        let codes = server.codes(CASES, json!({ "order": other, "after": after })).await;
        assert_eq!(codes, ["BAD_CURSOR"], "a cursor of another order");
    }
    for (search, wanted) in [("박예은", 1), ("3333-4444", 1), ("홍길동", 0)] {
        let found = cases(&server, json!({ "search": search, "kind": "CONTESTED" })).await;
        assert_eq!(found["totalCount"], wanted, "{search}");
    }
    // A new fact changes the score at once.
    let changed = messages::identify(
        "late",
        "2025-04-01T10:00:00Z",
        json!({ "external_id": "m3" }),
        json!({ "df_name": "김다른" }),
    );
    server.ingest(&[changed]).await;
    let found = cases(&server, json!({ "kind": "CONTESTED" })).await;
    assert_eq!(found["nodes"][0]["score"], 45, "{found}");
}

#[tokio::test]
async fn an_answer_is_all_or_nothing_and_one_undo() {
    let base = Base::new();
    let server = base.serve();
    server.ingest(&sent()).await;
    let before = cases(&server, json!({})).await;
    let case = &before["nodes"][0];
    let id_of = |position: usize| case["customers"][position]["profile"]["unifiedId"].clone();

    // A family: everyone is kept separate by one request.
    let answer = json!([{ "caseId": case["id"], "same": [], "expectedRevision": case["revision"] }]);
    let kept = resolve(&server, answer.clone()).await;
    assert_eq!((&kept["status"], kept["decisions"].as_array().map(Vec::len)), (&json!("APPLIED"), Some(2)), "{kept}");
    assert_eq!(counts(&server).await, [0, 1, 0, 1]);
    // What was shown before is outdated now.
    assert_eq!(resolve(&server, answer).await["status"], "STALE_PREVIEW");
    let undone = server.ask(REVOKE, json!({ "id": kept["decisions"][1]["id"] })).await;
    assert_eq!(undone["revokeDecision"]["status"], "APPLIED");
    assert_eq!(cases(&server, json!({})).await, before);

    // Two are one person, the third is not: one request, and the limit does not withhold another link in its place.
    let same = json!([{ "caseId": case["id"], "same": [id_of(0), id_of(2)], "expectedRevision": case["revision"] }]);
    let joined = resolve(&server, same).await;
    assert_eq!(joined["status"], "APPLIED", "{joined}");
    assert_eq!(counts(&server).await, [0, 1, 0, 1], "{joined}");
    assert_eq!(joined["profiles"].as_array().map(Vec::len), Some(2), "{joined}");
    server.ask(REVOKE, json!({ "id": joined["decisions"][0]["id"] })).await;
    assert_eq!(cases(&server, json!({})).await, before);

    // Several cases at once. A store device stays shared, and is settled.
    let tablet = before["nodes"][1]["id"].clone();
    let both = json!([{ "caseId": case["id"] }, { "caseId": tablet }]);
    let kept = resolve(&server, both.clone()).await;
    assert_eq!((&kept["status"], kept["decisions"].as_array().map(Vec::len)), (&json!("APPLIED"), Some(6)), "{kept}");
    assert_eq!(counts(&server).await, [0, 0, 0, 2]);
    assert_eq!(resolve(&server, both).await["status"], "NO_CHANGE");
    assert_eq!(server.stop(), Some(0));
    base.check();

    let server = base.serve();
    assert_eq!(counts(&server).await, [0, 0, 0, 2], "the cases survive a restart");
    let again = messages::event(
        "tablet-5",
        "2025-03-11T10:00:00Z",
        json!({ "phone": "010-5555-0005", "device_id": "tablet" }),
        "df_view_home",
        json!({}),
    );
    server.ingest(&[again]).await;
    assert_eq!(counts(&server).await, [0, 1, 0, 1], "a new link of the device is shown again");
    server.ask(REVOKE, json!({ "id": kept["decisions"][0]["id"] })).await;
    assert_eq!(counts(&server).await, [1, 1, 0, 0]);

    let by = "query($by: ReviewCaseBy!) { reviewCase(by: $by) { id } }";
    let found = server.ask(by, json!({ "by": { "id": case["id"] } })).await;
    assert_eq!(found["reviewCase"]["id"], case["id"]);
    let nil = "00000000-0000-8000-8000-000000000000";
    for by_wrong in [
        json!({ "id": "nonsense" }),
        json!({ "id": format!("claimed.{nil}") }),
        json!({ "link": { "a": nil, "b": nil } }),
    ] {
        assert_eq!(server.codes(by, json!({ "by": by_wrong })).await, ["BAD_USER_INPUT"]);
    }
    for wrong in [json!([]), json!([{ "caseId": "nonsense" }])] {
        assert_eq!(server.codes(RESOLVE, json!({ "answers": wrong })).await, ["BAD_USER_INPUT"]);
    }
    let stranger = json!([{ "caseId": case["id"], "same": [nil] }]);
    assert_eq!(resolve(&server, stranger).await["status"], "NOT_FOUND");
}

#[tokio::test]
async fn masked_roles_see_reasons_without_values() {
    let base = Base::new();
    let server = base.serve();
    server.ingest(&sent()).await;
    assert_eq!(server.stop(), Some(0));
    let reader = base.key("READER");
    let mut server = base.serve_with_keys(&[]);
    server.show(&reader);
    let case = cases(&server, json!({ "kind": "CONTESTED" })).await["nodes"][0].take();
    assert_eq!(case["score"], 100);
    assert_eq!(case["value"]["value"], "010-****-4444");
    let text = case.to_string();
    for hidden in [PHONE, "33334444", "박지유", "박예은", "1985"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    let answer = json!({ "answers": [{ "caseId": case["id"] }] });
    assert_eq!(server.codes(RESOLVE, answer).await, ["FORBIDDEN"]);
}
