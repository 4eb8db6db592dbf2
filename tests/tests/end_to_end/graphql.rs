//! Queries and mutations over GraphQL.

use std::collections::BTreeSet;

use profile360_tests::{Base, Deadline, Server, messages};
use serde_json::{Value, json};

const AT: &str = "2025-03-01T10:00:00+09:00";

/// The result of a message: status, code and path.
fn outcome(result: &Value) -> [&str; 3] {
    ["status", "code", "path"].map(|it| result[it].as_str().unwrap_or_default())
}

async fn outcomes_of(server: &Server, messages: &[Value]) -> Vec<Value> {
    let results = server.ingest(messages).await;
    for (message, result) in messages.iter().zip(&results) {
        assert_eq!(result["messageId"], message["message_id"]);
        let is_accepted = result["status"] != "REFUSED" && result["status"] != "DUPLICATE";
        assert!(!is_accepted || result["unifiedId"].is_string(), "every accepted message has a customer");
        assert_eq!(result["detail"].is_string(), result["code"].is_string(), "a code has a sentence");
    }
    results
}

#[tokio::test]
async fn each_message_gets_its_own_result() {
    let base = Base::new();
    let server = base.serve();
    let identify = |id: &str, identifiers: Value| messages::identify(id, AT, identifiers, json!({}));
    let mut without_zone = identify("no-zone", json!({ "external_id": "u1" }));
    without_zone["timestamp"] = json!("2025-03-01T10:00:00");
    let bad_amount = messages::purchase("bad-amount", AT, json!({ "external_id": "u1" }), "o1", "a lot");
    let with_warnings = messages::identify(
        "warned",
        AT,
        json!({ "external_id": "u1", "phone": "+1 650 253 0000", "email": ["a@example.com", "no-at-sign"], "passport": "1" }),
        json!({ "df_gender": "?", "df_membership": "VIP" }),
    );
    let first = [
        identify("created", json!({ "external_id": "u1", "phone": "010-1234-5678" })),
        messages::event("updated", AT, json!({ "phone": "+82 10 1234 5678" }), "df_login", json!({})),
        identify("linked", json!({ "external_id": "u1", "email": "One@Example.com" })),
        identify("device", json!({ "device_id": "d1" })),
        identify("merged", json!({ "external_id": "u1", "device_id": "d1" })),
        identify("withheld", json!({ "external_id": "u2", "phone": "010 1234 5678" })),
        identify("created", json!({ "external_id": "another-id" })),
        without_zone,
        bad_amount,
        identify("blocked", json!({ "external_id": "null", "phone": "000-0000-0000" })),
        with_warnings,
    ];
    let results = outcomes_of(&server, &first).await;
    let expected = [
        ["CREATED", "", ""],
        ["UPDATED", "", ""],
        ["LINKED", "", ""],
        ["CREATED", "", ""],
        ["MERGED", "", ""],
        ["WITHHELD", "LIMIT", ""],
        ["DUPLICATE", "", ""],
        ["REFUSED", "TIMESTAMP_WITHOUT_ZONE", "timestamp"],
        ["REFUSED", "AMOUNT_MALFORMED", "properties.df_items[0].df_price"],
        ["REFUSED", "NO_USABLE_IDENTIFIER", "identifiers.phone[0]"],
        ["LINKED", "", ""],
    ];
    assert_eq!(results.iter().map(outcome).collect::<Vec<_>>(), expected);
    let warnings: BTreeSet<[&str; 2]> = results[10]["warnings"]
        .as_array()
        .expect("warnings are a list")
        .iter()
        .map(|it| ["code", "path"].map(|name| it[name].as_str().unwrap_or_default()))
        .collect();
    let expected = [
        ["ATTRIBUTE_VALUE", "attributes.df_gender"],
        ["EMAIL_MALFORMED", "identifiers.email[1]"],
        ["PHONE_FOREIGN", "identifiers.phone[0]"],
        ["UNKNOWN_KIND", "identifiers.passport"],
    ];
    assert_eq!(warnings, BTreeSet::from(expected));

    // A device of too many people no longer links any of them, and its links are withheld.
    let tablet: Vec<Value> = (0..12)
        .map(|n| identify(&format!("tablet-{n}"), json!({ "external_id": format!("t{n}"), "device_id": "tablet" })))
        .collect();
    let mut results = Vec::new();
    for message in &tablet {
        results.extend(outcomes_of(&server, std::slice::from_ref(message)).await);
    }
    let expected: Vec<[&str; 3]> = (0..12)
        .map(|n| match n {
            0 => ["CREATED", "", ""],
            1..10 => ["WITHHELD", "LIMIT", ""],
            _ => ["WITHHELD", "SHARED", ""],
        })
        .collect();
    assert_eq!(results.iter().map(outcome).collect::<Vec<_>>(), expected);
    let query =
        "{ profile(by: { identifier: { kind: \"device_id\", value: \"tablet\" } }) { identifiers { value shared } } }";
    let alone = json!({ "profile": { "identifiers": [{ "value": "tablet", "shared": true }] } });
    assert_eq!(server.ask(query, Value::Null).await, alone);

    // A repetition gives duplicates, with the current customers of the messages.
    let again = outcomes_of(&server, &[&first[..7], &tablet[..]].concat()).await;
    assert!(again.iter().all(|it| it["status"] == "DUPLICATE"), "{again:#?}");
    let u1 = |result: &Value| result["unifiedId"].clone();
    assert!([1, 2, 3, 4].iter().all(|it| u1(&again[*it]) == u1(&again[0])), "{again:#?}");
    assert_ne!(u1(&again[5]), u1(&again[0]));

    let unknown = "{ profile(by: { identifier: { kind: \"external_id\", value: \"another-id\" } }) { id } }";
    assert_eq!(server.ask(unknown, Value::Null).await, json!({ "profile": null }), "a duplicate changes nothing");

    // An empty batch is accepted; one that is too large is refused as a whole.
    assert_eq!(server.ingest(&[]).await, Vec::<Value>::new());
    let many: Vec<Value> =
        (0..2_001).map(|n| messages::input(&identify(&format!("many-{n}"), json!({ "external_id": "u1" })))).collect();
    let ingest = "mutation($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status } } }";
    assert_eq!(server.codes(ingest, json!({ "messages": many })).await, ["TOO_MANY_MESSAGES"]);
    assert_eq!(server.stop(), Some(0));
    assert!(base.check().starts_with("19 messages,"));
}

#[tokio::test]
async fn customers_are_found_by_all_identifiers_and_former_ids() {
    const BY: &str = "query($by: ProfileKey!) { profile(by: $by) { id unifiedId supersededIds } }";
    let base = Base::new();
    let server = base.serve();
    let identify = |id: &str, day: u32, identifiers: Value| {
        messages::identify(id, &format!("2025-03-{day:02}T10:00:00Z"), identifiers, json!({}))
    };
    // Separate customers at first; the last message merges them.
    let everything =
        json!({ "external_id": "u1", "phone": "01012345678", "email": "one@example.com", "device_id": "d1" });
    let mut results = Vec::new();
    for message in [
        identify("1", 2, json!({ "external_id": "u1" })),
        identify("2", 1, json!({ "phone": "010-1234-5678" })),
        identify("3", 3, json!({ "email": "One@Example.com" })),
        identify("4", 4, json!({ "device_id": "d1" })),
        identify("5", 5, everything),
    ] {
        results.extend(server.ingest(&[message]).await);
    }
    let ids: BTreeSet<&str> = results.iter().filter_map(|it| it["unifiedId"].as_str()).collect();
    assert_eq!(ids.len(), 4, "the oldest keeps its ID");
    let first = results[1]["unifiedId"].clone();

    let by_id = |id: &str| json!({ "by": { "unifiedId": id } });
    let by = |kind: &str, value: &str| json!({ "by": { "identifier": { "kind": kind, "value": value } } });
    let spellings = [
        by("external_id", "u1"),
        by("external_id", "  u1 "),
        by("phone", "+821012345678"),
        by("phone", "010-1234-5678"),
        by("phone", "+82 (0)10 1234 5678"),
        by("phone", "821012345678"),
        by("email", " ONE@example.COM "),
        by("device_id", "d1"),
    ];
    let upper = by_id(&first.as_str().unwrap_or_default().to_uppercase());
    let mut global = BTreeSet::new();
    for by in ids.iter().map(|it| by_id(it)).chain(spellings).chain([upper]) {
        let found = server.ask(BY, by.clone()).await;
        assert_eq!(found["profile"]["unifiedId"], first, "by {by}");
        let superseded: BTreeSet<&str> =
            found["profile"]["supersededIds"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert_eq!(superseded, ids.iter().filter(|it| **it != first).copied().collect(), "by {by}");
        global.insert(found["profile"]["id"].as_str().expect("an ID").to_owned());
    }
    assert_eq!(global.len(), 1);

    let unknown = [
        by_id("00000000-0000-8000-8000-000000000000"),
        by("external_id", "u2"),
        by("external_id", "null"),
        by("phone", "010-9999-9999"),
    ];
    for by in unknown {
        assert_eq!(server.ask(BY, by.clone()).await, json!({ "profile": null }), "by {by}");
    }

    let nodes = "query($ids: [ID!]!, $id: ID!) {
        node(id: $id) { id ... on Profile { unifiedId } }
        nodes(ids: $ids) { id ... on Profile { unifiedId } }
    }";
    let id = global.pop_first().expect("there is one");
    let found = server.ask(nodes, json!({ "id": id, "ids": ["nonsense", id, "", id] })).await;
    let node = json!({ "id": id, "unifiedId": first });
    assert_eq!(found, json!({ "node": node, "nodes": [null, node, null, node] }));
}

#[tokio::test]
async fn errors_have_a_code_and_a_sentence() {
    let base = Base::new();
    let server = base.serve();
    let id = server.ingest(&[messages::identify("1", AT, json!({ "external_id": "u1" }), json!({}))]).await;
    let id = id[0]["unifiedId"].as_str().expect("accepted");
    let one = |field: &str| format!("{{ profile(by: {{ unifiedId: \"{id}\" }}) {{ {field} }} }}");
    let list = |arguments: &str| format!("{{ profiles({arguments}) {{ totalCount }} }}");
    let deep = |n| (0..n).fold("name".to_owned(), |it, _| format!("ofType {{ {it} }}"));
    let deep = |n| format!("{{ __schema {{ types {{ fields {{ type {{ {} }} }} }} }} }}", deep(n));
    // A short query whose number of fields overflows.
    let doubled: String = (0..28).map(|n| format!("fragment F{n} on Query {{ ...F{0} ...F{0} }} ", n + 1)).collect();
    let doubled = format!("{{ ...F0 }} {doubled} fragment F28 on Query {{ viewer {{ role }} }}");
    let many = (0..90)
        .map(|n| format!("a{n}: profiles(first: 200) {{ nodes {{ id revision asOf unifiedId }} }}"))
        .collect::<Vec<_>>();
    let cases = [
        ("{ profiles".to_owned(), "GRAPHQL_PARSE_FAILED"),
        ("nonsense".to_owned(), "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("{ profiles { nodes } }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("query($x: Int!) { profiles(first: $x) { totalCount } }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        ("{ profile(by: {}) { id } }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        (deep(14), "QUERY_TOO_DEEP"),
        (deep(2_000), "QUERY_TOO_DEEP"),
        (format!("{{ {} }}", "a: viewer { role } ".repeat(501)), "TOO_MANY_ALIASES"),
        (format!("{{ {} }}", "viewer @skip(if: true) { role } ".repeat(51)), "TOO_MANY_DIRECTIVES"),
        (format!("{{ viewer {{ {} }} }}", "role ".repeat(10_000)), "TOO_MANY_TOKENS"),
        (doubled, "QUERY_TOO_COMPLEX"),
        (format!("{{ {} }}", many.join(" ")), "QUERY_TOO_COMPLEX"),
        (list("first: 0"), "PAGE_SIZE_OUT_OF_RANGE"),
        (list("first: -1"), "PAGE_SIZE_OUT_OF_RANGE"),
        (list("first: 201"), "PAGE_SIZE_OUT_OF_RANGE"),
        (list("last: 201"), "PAGE_SIZE_OUT_OF_RANGE"),
        (list("first: 1, last: 1"), "PAGE_SIZE_OUT_OF_RANGE"),
        (list("after: \"nonsense\""), "BAD_CURSOR"),
        (list("before: \"\""), "BAD_CURSOR"),
        (list("after: \"bnVsbA\""), "BAD_CURSOR"),
        (list("filter: { lastActivity: { from: \"yesterday\" } }"), "BAD_USER_INPUT"),
        (list("filter: { firstAccess: { before: \"2025-01-01T00:00:00\" } }"), "BAD_USER_INPUT"),
        (list("filter: { attribute: [{ name: \"a\", equals: {} }] }"), "BAD_USER_INPUT"),
        (one("timeline(first: 201) { nodes { name } }"), "PAGE_SIZE_OUT_OF_RANGE"),
        (one("timeline(first: 1, last: 1) { nodes { name } }"), "PAGE_SIZE_OUT_OF_RANGE"),
        (one("timeline(after: \"nonsense\") { nodes { name } }"), "BAD_CURSOR"),
        (one("purchases(currency: \"won!\") { currency }"), "BAD_USER_INPUT"),
        (one("purchases { window(months: 0) { count } }"), "BAD_USER_INPUT"),
        (one("purchases { window(months: 121) { count } }"), "BAD_USER_INPUT"),
        (one("purchases { topProducts(months: 3, first: 101) { rank } }"), "PAGE_SIZE_OUT_OF_RANGE"),
        ("{ profile(by: { identifier: { kind: \"passport\", value: \"1\" } }) { id } }".to_owned(), "BAD_USER_INPUT"),
        (
            "{ profile(by: { identifier: { kind: \"phone\", value: \"+16502530000\" } }) { id } }".to_owned(),
            "BAD_USER_INPUT",
        ),
        (format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"x\",".repeat(201)), "PAGE_SIZE_OUT_OF_RANGE"),
        ("{ policy(version: 2) { version } }".to_owned(), "BAD_USER_INPUT"),
        ("{ profile(by: { unifiedId: \"no unified ID\" }) { id } }".to_owned(), "BAD_USER_INPUT"),
    ];
    for (query, code) in cases {
        let codes = server.codes(&query, Value::Null).await;
        assert_eq!(codes, [code], "{}", query.chars().take(200).collect::<String>());
    }
    let as_of = "query($date: Date) { profile(by: { unifiedId: \"x\" }, asOf: $date) { id } }";
    assert_eq!(server.codes(as_of, json!({ "date": "2025-02-30" })).await, ["BAD_USER_INPUT"]);
    assert!(!server.log().contains("ERROR"), "nothing of this is a fault of the server: {}", server.log());
}

#[tokio::test]
async fn long_timelines_are_paginated_from_both_ends() {
    // Many days, many events at one time, two identifiers: enough for several reads.
    const N: usize = 1_300;
    let names = ["df_login", "df_view_home"];
    let events: Vec<Value> = (0..N)
        .map(|n| {
            let who = if n % 3 == 0 {
                json!({ "device_id": "d1" })
            } else {
                json!({ "external_id": "u1", "device_id": "d1" })
            };
            let at = format!("2025-{:02}-{:02}T{:02}:00:00Z", n % 5 + 1, n % 7 * 3 + 1, n % 2);
            messages::event(&format!("m{n:04}"), &at, who, names[n % 2], json!({ "n": n }))
        })
        .chain([messages::identify("not-an-event", AT, json!({ "external_id": "u1" }), json!({ "df_name": "김하나" }))])
        .collect();
    let mut expected: Vec<(&str, &str)> = events[..N]
        .iter()
        .map(|it| (it["timestamp"].as_str().unwrap_or_default(), it["message_id"].as_str().unwrap_or_default()))
        .collect();
    expected.sort_by(|a, b| b.0.cmp(a.0).then(a.1.cmp(b.1)));
    let expected: Vec<&str> = expected.into_iter().map(|(_, id)| id).collect();

    let base = Base::with(&messages::ndjson(&events));
    let server = base.serve();
    for (size, of) in [(200, None), (97, Some(names[1]))] {
        let expected: Vec<&str> = expected
            .iter()
            .filter(|id| of.is_none_or(|name| events.iter().any(|it| it["message_id"] == **id && it["event"] == name)))
            .copied()
            .collect();
        for is_backward in [false, true] {
            let (first, place) = if is_backward { ("last", "before") } else { ("first", "after") };
            let query = format!(
                "query($cursor: String, $events: [String!]) {{
                    profile(by: {{ identifier: {{ kind: \"external_id\", value: \"u1\" }} }}) {{
                        timeline({first}: {size}, {place}: $cursor, events: $events) {{
                            nodes {{ messageId }}
                            pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
                        }}
                    }}
                }}"
            );
            let mut found: Vec<String> = Vec::new();
            let mut cursor = Value::Null;
            let deadline = Deadline::new("the last page of the timeline");
            loop {
                deadline.check(&cursor);
                let data = server.ask(&query, json!({ "cursor": cursor, "events": of.map(|it| [it]) })).await;
                let page = &data["profile"]["timeline"];
                let ids: Vec<String> = page["nodes"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|it| it["messageId"].as_str().map(str::to_owned))
                    .collect();
                found = if is_backward { [ids, found].concat() } else { [found, ids].concat() };
                let (more, edge) =
                    if is_backward { ("hasPreviousPage", "startCursor") } else { ("hasNextPage", "endCursor") };
                if page["pageInfo"][more] != true {
                    break;
                }
                cursor = page["pageInfo"][edge].clone();
            }
            assert_eq!(found, expected, "{first} {size} of {of:?}");
        }
    }
    // A cursor of one list is invalid in another.
    let data = server.ask("{ profiles(first: 1) { pageInfo { endCursor } } }", Value::Null).await;
    let cursor = &data["profiles"]["pageInfo"]["endCursor"];
    let query = "query($after: String) {
        profile(by: { identifier: { kind: \"external_id\", value: \"u1\" } }) { timeline(after: $after) { nodes { name } } }
    }";
    assert_eq!(server.codes(query, json!({ "after": cursor })).await, ["BAD_CURSOR"]);
}

#[tokio::test]
async fn an_event_that_cannot_be_shown_does_not_hide_others() {
    // A text that ends in the middle of a character, and a number out of range.
    let odd = |properties: &str, device: &str| {
        format!(
            "{{\"message_id\":\"odd{device}\",\"type\":\"event\",\"timestamp\":\"{AT}\",\"source\":\"web\",\"event\":\"df_purchase\",\
             \"identifiers\":{{\"external_id\":\"u1\",\"device_id\":\"d1\"}},\"device\":{{\"model\":\"{device}\",\"ip\":\"203.0.113.9\"}},\
             \"properties\":{{\"df_total_purchase_amount\":\"12.50\",\"note\":{properties}}}}}\n"
        )
    };
    let login = messages::event("login", AT, json!({ "external_id": "u1" }), "df_login", json!({ "page": "/" }));
    let base = Base::with(&[odd("\"\\ud83d\"", "1"), odd("1e400", "2"), format!("{login}\n")].concat());
    assert_eq!(base.check(), "3 messages, 2 identifiers, 1 links, 1 profiles, 2 orders");
    let server = base.serve();
    let fields = "purchases { window(months: 3) { amount } } timeline { nodes { messageId name properties } }";
    let customers: Vec<Value> = server.customers("2025-04-01", fields).await.into_values().collect();
    let event =
        |id: &str, name: &str, properties: Value| json!({ "messageId": id, "name": name, "properties": properties });
    let nodes = [
        event("login", "df_login", json!({ "page": "/" })),
        event("odd1", "df_purchase", json!({ "df_total_purchase_amount": "12.50", "note": "\u{fffd}" })),
        event("odd2", "df_purchase", json!({ "df_total_purchase_amount": "12.50", "note": "1e400" })),
    ];
    assert_eq!(customers, [json!({ "purchases": { "window": { "amount": "25" } }, "timeline": { "nodes": nodes } })]);
}

#[tokio::test]
async fn policy_and_viewer_can_be_queried() {
    let base = Base::new();
    let server = base.serve();
    let query = "{ policy { version timeZone currency publishedBy document } viewer { name role seesPersonalData } }";
    let data = server.ask(query, Value::Null).await;
    assert_eq!(data["viewer"], json!({ "name": "local", "role": "ADMIN", "seesPersonalData": true }));
    let policy = &data["policy"];
    assert_eq!(
        (&policy["version"], &policy["timeZone"], &policy["currency"]),
        (&json!(1), &json!("Asia/Seoul"), &json!("KRW"))
    );
    let limit = |kind: &str| {
        let kinds = policy["document"]["kinds"].as_array().expect("kinds are a list");
        kinds.iter().find(|it| it["name"] == kind).map(|it| it["limit"].clone())
    };
    assert_eq!((limit("external_id"), limit("phone")), (Some(json!(1)), Some(json!(3))));
    assert_eq!(server.ask(query, Value::Null).await, data);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(base.serve().ask(query, Value::Null).await, data, "the base keeps its policy");
}
