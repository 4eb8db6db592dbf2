//! The timeline of a customer, and comparisons.

use profile360_tests::{Base, Deadline, Server, messages};
use serde_json::{Value, json};

const FIELDS: &str = "messageId name session purchase {
    kind amount currency counts items { itemId name category quantity price amount }
}";

fn who() -> Value {
    json!({ "external_id": "u1", "device_id": "d1" })
}

fn by(external_id: &str) -> String {
    format!("by: {{ identifier: {{ kind: \"external_id\", value: \"{external_id}\" }} }}")
}

/// An event with a session.
fn event(id: &str, at: &str, session: &str, name: &str, properties: Value) -> Value {
    let mut event = messages::event(id, at, who(), name, properties);
    event["session_id"] = json!(session);
    event
}

fn tea(quantity: u32) -> Value {
    json!([{
        "df_item_id": "P1", "df_item_name": "녹차", "df_category1": "식품", "df_price": "5000.0", "df_quantity": quantity,
    }])
}

fn sample() -> Vec<Value> {
    let order = |items: Value| json!({ "df_order_id": "o1", "df_items": items, "df_payment_method": "CREDIT_CARD" });
    vec![
        messages::identify("i1", "2025-01-01T09:00:00Z", who(), json!({ "df_name": "김하나" })),
        event("login", "2025-03-01T10:00:00Z", "s1", "df_login", json!({})),
        event("view", "2025-03-01T10:01:00Z", "s1", "df_view_product_details", json!({ "df_items": tea(1) })),
        // No total amount: it is the sum of the lines.
        event("bought", "2025-03-01T10:02:00Z", "s1", "df_purchase", order(tea(3))),
        event("corrected", "2025-03-02T10:00:00Z", "s2", "df_purchase", order(tea(2))),
        messages::event(
            "back",
            "2025-03-05T10:00:00Z",
            who(),
            "df_refund",
            // No amount: the order's price counts.
            json!({ "df_order_id": "o1", "df_items": [{ "df_item_id": "P1", "df_quantity": 1 }] }),
        ),
    ]
}

async fn timeline(server: &Server, arguments: &str, variables: Value) -> Value {
    let query = format!(
        "query($search: TimelineSearch, $at: DateTimeRange) {{ profile({}) {{ timeline({arguments} search: $search, at: $at) {{ \
         nodes {{ {FIELDS} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }}",
        by("u1")
    );
    server.ask(&query, variables).await["profile"]["timeline"].take()
}

fn ids(page: &Value) -> Vec<&str> {
    page["nodes"].as_array().into_iter().flatten().filter_map(|it| it["messageId"].as_str()).collect()
}

#[tokio::test]
async fn purchases_of_events_are_what_they_come_to() {
    let base = Base::with(&messages::ndjson(&sample()));
    let server = base.serve();
    let page = timeline(&server, "", Value::Null).await;
    assert_eq!(ids(&page), ["back", "corrected", "bought", "view", "login"]);
    let purchase = |n: usize| page["nodes"][n]["purchase"].clone();
    let item = |quantity: u32, price: Value, amount: Value| {
        let (name, category) = if price.is_null() { (None, None) } else { (Some("녹차"), Some("식품")) };
        json!({ "itemId": "P1", "name": name, "category": category, "quantity": quantity, "price": price, "amount": amount })
    };
    let of = |kind: &str, amount: &str, counts: bool, item: Value| json!({ "kind": kind, "amount": amount, "currency": "KRW", "counts": counts, "items": [item] });
    assert_eq!(purchase(0), of("REFUND", "5000", true, item(1, Value::Null, Value::Null)));
    assert_eq!(purchase(1), of("ORDER", "10000", true, item(2, json!("5000"), json!("10000"))));
    assert_eq!(purchase(2), of("ORDER", "15000", false, item(3, json!("5000"), json!("15000"))));
    assert_eq!((purchase(3), purchase(4)), (Value::Null, Value::Null));
    let session = |n: usize| page["nodes"][n]["session"].clone();
    assert!(session(2) == session(3) && session(3) == session(4) && session(1) != session(2), "{page}");
    assert_eq!(session(0), Value::Null);
    assert!(!page.to_string().contains("\"s1\""), "a session's own ID is never shown");
    // The refunds that count are those of the profile.
    let query = format!("{{ profile({}) {{ purchases {{ refundAmount }} }} }}", by("u1"));
    assert_eq!(server.ask(&query, Value::Null).await["profile"]["purchases"]["refundAmount"], "5000");
}

#[tokio::test]
async fn a_timeline_is_searched_by_all_that_its_events_say() {
    let base = Base::with(&messages::ndjson(&sample()));
    let server = base.serve();
    let found = async |text: &str, codes: &[&str]| {
        let page = timeline(&server, "", json!({ "search": { "text": text, "codes": codes } })).await;
        ids(&page).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for (text, codes, expected) in [
        ("", &[][..], &["back", "corrected", "bought", "view", "login"][..]),
        ("녹차", &[], &["corrected", "bought", "view"]),
        ("o1", &[], &["back", "corrected", "bought"]),
        ("PURCHASE", &[], &["corrected", "bought"]),
        ("credit 녹차", &[], &["corrected", "bought"]),
        ("login 녹차", &[], &[]),
        // Codes that the client translates.
        ("로그인", &["df_login"], &["login"]),
        ("신용카드", &["CREDIT_CARD"], &["corrected", "bought"]),
        ("df_items", &[], &[]),
    ] {
        assert_eq!(found(text, codes).await, expected, "{text} {codes:?}");
    }
    for (range, expected) in [
        (json!({ "before": "2025-03-02T10:00:00Z" }), &["bought", "view", "login"][..]),
        (json!({ "from": "2025-03-02T10:00:00Z" }), &["back", "corrected"]),
        (json!({ "from": "2025-03-01T10:01:00Z", "before": "2025-03-01T10:02:00Z" }), &["view"]),
        (json!({ "from": "2026-01-01T00:00:00Z" }), &[]),
    ] {
        assert_eq!(ids(&timeline(&server, "", json!({ "at": range })).await), expected, "{range}");
    }
    let query = format!("{{ profile({}) {{ eventNames {{ names {{ name count }} countedFrom }} }} }}", by("u1"));
    let names = [("df_login", 1), ("df_purchase", 2), ("df_refund", 1), ("df_view_product_details", 1)];
    assert_eq!(
        server.ask(&query, Value::Null).await["profile"]["eventNames"],
        json!({ "names": names.map(|(name, count)| json!({ "name": name, "count": count })), "countedFrom": null })
    );
    let bad = |search: Value| {
        let query = format!(
            "query($search: TimelineSearch) {{ profile({}) {{ timeline(search: $search) {{ nodes {{ name }} }} }} }}",
            by("u1")
        );
        let server = &server;
        async move { server.codes(&query, json!({ "search": search })).await }
    };
    assert_eq!(bad(json!({ "text": "x".repeat(201) })).await, ["BAD_USER_INPUT"]);
    assert_eq!(bad(json!({ "text": "x", "codes": vec!["x"; 101] })).await, ["BAD_USER_INPUT"]);
}

#[tokio::test]
async fn a_page_of_a_search_ends_after_so_many_messages() {
    const N: usize = 2_600;
    let events: Vec<Value> = (0..N)
        .map(|n| {
            let note = if n == 3 || n == N - 4 { "needle" } else { "hay" };
            let at = format!("2025-03-{:02}T{:02}:{:02}:00Z", n / 100 + 1, n % 24, n % 60);
            messages::event(&format!("m{n:04}"), &at, who(), "df_view_home", json!({ "note": note }))
        })
        .collect();
    let base = Base::with(&messages::ndjson(&events));
    let server = base.serve();
    for (size, cursor, more, edge) in
        [("first", "after", "hasNextPage", "endCursor"), ("last", "before", "hasPreviousPage", "startCursor")]
    {
        let mut found = Vec::new();
        let mut n_pages = 0;
        let mut place = String::new();
        let deadline = Deadline::new("the last page of the search");
        loop {
            deadline.check(&place);
            let page =
                timeline(&server, &format!("{size}: 10, {place}"), json!({ "search": { "text": "needle" } })).await;
            n_pages += 1;
            found.extend(ids(&page).into_iter().map(str::to_owned));
            if page["pageInfo"][more] != true {
                break;
            }
            place = format!("{cursor}: {},", page["pageInfo"][edge]);
        }
        found.sort();
        assert_eq!(found, ["m0003", "m2596"], "{size}");
        assert!(1 < n_pages, "one request does not read everything: {n_pages}");
    }
}

#[tokio::test]
async fn masked_roles_search_in_nothing_that_is_masked() {
    let base = Base::with(&messages::ndjson(&sample()));
    let [reader, analyst, admin] = ["READER", "ANALYST", "ADMIN"].map(|role| base.key(role));
    let mut server = base.serve_with_keys(&[]);
    server.show(&reader);
    let query = format!(
        "query($search: TimelineSearch) {{ profile({}) {{ timeline(search: $search) {{ nodes {{ name }} }} }} }}",
        by("u1")
    );
    for text in ["녹차", ""] {
        assert_eq!(server.codes(&query, json!({ "search": { "text": text } })).await, ["FORBIDDEN"]);
    }
    let page = timeline(&server, "", Value::Null).await;
    let nodes = page["nodes"].as_array().expect("a list");
    assert_eq!(nodes.len(), 5);
    assert!(nodes.iter().all(|it| it["purchase"].is_null() && it["messageId"] != "bought"), "{page}");
    assert_eq!(nodes[2]["session"], nodes[3]["session"]);
    let names = format!("{{ profile({}) {{ eventNames {{ names {{ name }} }} }} }}", by("u1"));
    let names = server.ask(&names, Value::Null).await;
    assert_eq!(names["profile"]["eventNames"]["names"].as_array().map(Vec::len), Some(4));

    server.show(&analyst);
    server.ask(&query, json!({ "search": { "text": "녹차" } })).await;
    server.show(&admin);
    let log = "{ auditLog(actor: \"analyst\", first: 10) { nodes { action detail } } }";
    let log = server.ask(log, Value::Null).await.to_string();
    assert!(log.contains("search") && !log.contains("녹차"), "{log}");
}

const COMPARE: &str = "query($columns: [ComparedProfile!]!) {
    compareProfiles(columns: $columns) {
        profiles { unifiedId asOf basic { name } }
        fields { group name values agreement }
    }
}";

/// The fields of a comparison: values and agreement by name.
fn field<'c>(compared: &'c Value, name: &str) -> (&'c Value, &'c str) {
    let fields = compared["fields"].as_array().expect("a list");
    let found = fields.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name} in {compared}"));
    (&found["values"], found["agreement"].as_str().expect("a text"))
}

#[tokio::test]
async fn customers_and_dates_are_compared_without_merging() {
    let other = json!({ "external_id": "u2", "phone": "010-1234-5678" });
    let mut all = sample();
    all.extend([
        messages::identify("i2", "2025-01-01T09:00:00Z", who(), json!({ "df_birth": "1991-03-15", "secret": "one" })),
        messages::identify(
            "i3",
            "2025-01-01T09:00:00Z",
            other.clone(),
            json!({ "df_name": "김하나", "df_birth": "1992-03-15", "secret": "one", "df_sms_ads_optin": true }),
        ),
        messages::purchase("p2", "2025-03-03T10:00:00Z", other, "o2", "700"),
    ]);
    let base = Base::with(&messages::ndjson(&all));
    let before = base.check();
    let [reader, analyst] = ["READER", "ANALYST"].map(|role| base.key(role));
    let mut server = base.serve_with_keys(&[]);
    server.show(&analyst);
    let id = async |external_id: &str| {
        let query = format!("{{ profile({}) {{ unifiedId }} }}", by(external_id));
        server.ask(&query, Value::Null).await["profile"]["unifiedId"].clone()
    };
    let (one, two) = (id("u1").await, id("u2").await);
    let both = json!({ "columns": [
        { "unifiedId": one, "asOf": "2025-04-01" },
        { "unifiedId": two, "asOf": "2025-04-01" },
    ] });
    let compared = server.ask(COMPARE, both.clone()).await["compareProfiles"].take();
    for (name, values, agreement) in [
        ("name", json!(["김하나", "김하나"]), "SAME"),
        ("birthDate", json!(["1991-03-15", "1992-03-15"]), "DIFFERENT"),
        ("age", json!([34, 33]), "DIFFERENT"),
        ("external_id", json!([["u1"], ["u2"]]), "DIFFERENT"),
        ("phone", json!([null, ["+821012345678"]]), "DIFFERENT"),
        ("sms_ads", json!([null, true]), "DIFFERENT"),
        ("secret", json!(["one", "one"]), "SAME"),
        ("eventCount", json!([5, 1]), "DIFFERENT"),
        ("count3", json!([1, 1]), "SAME"),
        (
            "amount12",
            json!([{ "amount": "10000", "currency": "KRW" }, { "amount": "700", "currency": "KRW" }]),
            "DIFFERENT",
        ),
        ("topProducts", json!([["녹차"], ["차"]]), "DIFFERENT"),
    ] {
        assert_eq!(field(&compared, name), (&values, agreement), "{name}");
    }

    // Of one customer only what depends on the date.
    let dates = json!({ "columns": [
        { "unifiedId": one, "asOf": "2025-03-02" },
        { "unifiedId": one, "asOf": "2025-04-01" },
    ] });
    let dated = server.ask(COMPARE, dates).await["compareProfiles"].take();
    assert_eq!(dated["profiles"][0]["asOf"], "2025-03-02");
    assert_eq!(field(&dated, "age"), (&json!([33, 34]), "DIFFERENT"));
    assert_eq!(field(&dated, "count12"), (&json!([0, 1]), "DIFFERENT"));
    assert!(!dated.to_string().contains("external_id"), "{dated}");

    // Masked values are not compared: whether they are equal would reveal more than the masks.
    server.show(&reader);
    let masked = server.ask(COMPARE, both).await["compareProfiles"].take();
    for (name, values) in [
        ("name", json!(["김*나", "김*나"])),
        ("birthDate", json!([null, null])),
        ("age", json!([null, null])),
        ("external_id", json!([["***"], ["***"]])),
        ("phone", json!([null, ["010-****-5678"]])),
        ("secret", json!(["***", "***"])),
    ] {
        assert_eq!(field(&masked, name), (&values, "MASKED"), "{name}");
    }
    assert_eq!(field(&masked, "amount12").1, "DIFFERENT");

    for columns in [json!([{ "unifiedId": one }]), json!(vec![json!({ "unifiedId": one }); 4])] {
        assert_eq!(server.codes(COMPARE, json!({ "columns": columns })).await, ["PAGE_SIZE_OUT_OF_RANGE"]);
    }
    let unknown = json!([{ "unifiedId": one }, { "unifiedId": "00000000-0000-8000-8000-000000000000" }]);
    assert_eq!(server.codes(COMPARE, json!({ "columns": unknown })).await, ["BAD_USER_INPUT"]);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(base.check(), before);
}
