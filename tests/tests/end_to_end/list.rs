//! The customer list: every order, filter and search.

use std::collections::{BTreeMap, BTreeSet};

use profile360_core::search::names::normal_name;
use profile360_store::ProfileWrite;
use profile360_tests::{Base, Deadline, Server, in_process, messages};
use rust_decimal::Decimal;
use serde_json::{Value, json};

const LIST: &str = "query(
    $filter: ProfileFilter, $search: String, $order: ProfileOrder, $first: Int, $after: String, $last: Int, $before: String
) {
    profiles(
        filter: $filter, search: $search, orderBy: $order, first: $first, after: $after, last: $last, before: $before
    ) {
        totalCount
        edges { cursor node { unifiedId } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}";

const FIELDS: &str = "
    basic { name platforms gender ageGroup membershipLevel recentArea }
    identifiers { kind value }
    devices { country }
    attributes { name value }
    activity { lastActivityAt firstAccessAt lastUpdatedAt }
    purchases { window(months: 12) { count amount } }
";

const KOREANS: [(&str, &str, &str, &str); 2] = [
    ("ada-3", "홍길동", "010-8181-2929", "gildong.hong@example.org"),
    // Decomposed Unicode, as some systems write it.
    ("ada-4", "\u{110b}\u{1175}\u{1109}\u{1173}\u{11bc}\u{1100}\u{1175}", "010-8282-2930", "sg_lee@example.net"),
];

/// A server with many customers, some with recent purchases, and all customers by unified ID.
async fn base() -> (Base, Server, BTreeMap<String, Value>) {
    let base = Base::with(&messages::generated(50, 41));
    let server = base.serve();
    let today = server.ask("{ profiles(first: 1) { nodes { asOf } } }", Value::Null).await;
    let today = today["profiles"]["nodes"][0]["asOf"].as_str().expect("a date").to_owned();
    let lately = today.parse::<chrono::NaiveDate>().expect("a date") - chrono::Days::new(30);
    let lately: Vec<Value> = (0..12)
        .map(|n| {
            let at = format!("{lately}T{n:02}:00:00+09:00");
            // Some amounts are equal.
            let amount = format!("{}00", n % 5 + 1);
            messages::purchase(&format!("late-{n}"), &at, json!({ "customer_card": format!("card-{}", n % 8) }), &format!("late-{n}"), &amount)
        })
        .chain((0..3).map(|n| {
            let name = ["Ada King Lovelace", "ada Lindqvist", "박 아다"][n];
            let who = json!({ "external_id": format!("ada-{n}"), "phone": format!("010-7777-000{n}"), "email": format!("ada{n}@example.org") });
            messages::identify(&format!("ada-{n}"), "2025-03-01T10:00:00Z", who, json!({ "df_name": name, "lucky": n }))
        }))
        .chain(KOREANS.iter().map(|(id, name, phone, email)| {
            let who = json!({ "external_id": id, "phone": phone, "email": email });
            messages::identify(id, "2025-03-02T10:00:00Z", who, json!({ "df_name": name }))
        }))
        .collect();
    assert_eq!(server.stop(), Some(0));
    base.write("lately.ndjson", messages::ndjson(&lately));
    assert_eq!(base.import("lately.ndjson").status, Some(0));
    let server = base.serve();
    let customers = server.customers(&today, FIELDS).await;
    (base, server, customers)
}

/// Reads all pages in one direction. Returns the customers in the order of the list.
async fn pages(server: &Server, question: Value, size: u32, is_backward: bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut total = Value::Null;
    let mut cursor = Value::Null;
    let deadline = Deadline::new("the last page");
    loop {
        deadline.check(&cursor);
        let mut variables = question.clone();
        let (first, place) = if is_backward { ("last", "before") } else { ("first", "after") };
        variables[first] = json!(size);
        variables[place] = cursor;
        let page = server.ask(LIST, variables).await["profiles"].take();
        let edges = page["edges"].as_array().expect("edges are a list");
        assert!(edges.len() <= size as usize);
        let ids: Vec<String> =
            edges.iter().filter_map(|it| it["node"]["unifiedId"].as_str().map(str::to_owned)).collect();
        let info = &page["pageInfo"];
        let cursor_of = |edge: Option<&Value>| edge.map_or(Value::Null, |it| it["cursor"].clone());
        assert_eq!(info["startCursor"], cursor_of(edges.first()));
        assert_eq!(info["endCursor"], cursor_of(edges.last()));
        found = if is_backward { [ids, found].concat() } else { [found, ids].concat() };
        assert!(total.is_null() || total == page["totalCount"], "the count does not depend on the page");
        total = page["totalCount"].clone();
        let (more, edge) = if is_backward { ("hasPreviousPage", "startCursor") } else { ("hasNextPage", "endCursor") };
        if info[more] != true {
            break;
        }
        cursor = info[edge].clone();
    }
    assert_eq!(total, json!(found.len()), "{question}");
    found
}

/// The sort value of a customer, if any.
fn sort_key(field: &str, customer: &Value) -> Option<(Decimal, String)> {
    let text = |value: &Value| value.as_str().map(|it| (Decimal::ZERO, it.to_lowercase()));
    let window = &customer["purchases"]["window"];
    match field {
        "LAST_ACTIVITY" => text(&customer["activity"]["lastActivityAt"]),
        "FIRST_ACCESS" => text(&customer["activity"]["firstAccessAt"]),
        "LAST_UPDATED" => text(&customer["activity"]["lastUpdatedAt"]),
        // Some names are decomposed: the list sorts what is displayed.
        "NAME" => customer["basic"]["name"].as_str().map(|it| (Decimal::ZERO, normal_name(it))),
        "PURCHASE_AMOUNT_12M" => Some((amount(&window["amount"]), String::new())),
        _ => Some((Decimal::from(window["count"].as_u64()?), String::new())),
    }
}

fn amount(value: &Value) -> Decimal {
    value.as_str().and_then(|it| it.parse().ok()).expect("amounts are decimals")
}

#[tokio::test]
async fn every_order_has_every_customer_once_in_both_directions() {
    let (_base, server, customers) = base().await;
    let all: BTreeSet<&String> = customers.keys().collect();
    let mut end_of_another = Value::Null;
    for field in ["LAST_ACTIVITY", "FIRST_ACCESS", "LAST_UPDATED", "NAME", "PURCHASE_AMOUNT_12M", "PURCHASE_COUNT_12M"]
    {
        for direction in ["ASC", "DESC"] {
            let question = json!({ "order": { "field": field, "direction": direction } });
            let found = pages(&server, question.clone(), 7, false).await;
            assert_eq!(found.len(), all.len(), "{field} {direction}");
            assert_eq!(found.iter().collect::<BTreeSet<_>>(), all, "{field} {direction}");
            assert_eq!(pages(&server, question.clone(), 7, true).await, found, "{field} {direction}");
            assert_eq!(pages(&server, question.clone(), 200, false).await, found, "{field} {direction}");

            let keys: Vec<_> = found.iter().map(|id| sort_key(field, &customers[id])).collect();
            assert!(keys.iter().collect::<BTreeSet<_>>().len() > 4, "{field} has something to sort");
            for pair in keys.windows(2) {
                let is_in_order = match (&pair[0], &pair[1]) {
                    (Some(one), Some(next)) if direction == "ASC" => one <= next,
                    (Some(one), Some(next)) => next <= one,
                    // Missing values are last in both directions.
                    (one, next) => next.is_none() || one.is_some(),
                };
                assert!(is_in_order, "{field} {direction}: {pair:?}");
            }

            if !end_of_another.is_null() {
                let mut variables = question.clone();
                variables["after"] = end_of_another.clone();
                assert_eq!(server.codes(LIST, variables).await, ["BAD_CURSOR"], "a cursor of another order");
            }
        }
        let page = server.ask(LIST, json!({ "order": { "field": field, "direction": "ASC" }, "first": 1 })).await;
        end_of_another = page["profiles"]["pageInfo"]["endCursor"].clone();
    }
    // The default order is newest activity first.
    let by_activity = json!({ "order": { "field": "LAST_ACTIVITY", "direction": "DESC" } });
    assert_eq!(pages(&server, json!({}), 50, false).await, pages(&server, by_activity, 50, false).await);
}

#[tokio::test]
async fn filters_select_matching_customers() {
    type Passes = Box<dyn Fn(&Value) -> bool>;
    fn has(list: &Value, is_so: impl Fn(&Value) -> bool) -> bool {
        list.as_array().is_some_and(|items| items.iter().any(is_so))
    }
    fn is_known_by(customer: &Value, kind: &str) -> bool {
        has(&customer["identifiers"], |it| it["kind"] == kind)
    }
    let (_base, server, customers) = base().await;
    // The first existing value, which depends on the date.
    let value = |field: &'static str| -> (Value, Passes) {
        let value = customers.values().map(|it| it["basic"][field].clone()).find(|it| !it.is_null());
        let value = value.expect("a customer has one");
        // Unknown age groups are refused.
        let other = if field == "ageGroup" { "0s" } else { "no such value" };
        (json!({ field: [value, other] }), Box::new(move |it| it["basic"][field] == value))
    };
    let cases: [(Value, Passes); 14] = [
        value("ageGroup"),
        value("membershipLevel"),
        value("recentArea"),
        (
            json!({ "platform": ["IOS", "API"] }),
            Box::new(|customer| {
                has(&customer["basic"]["platforms"], |platform| platform == "IOS" || platform == "API")
            }),
        ),
        (json!({ "gender": ["FEMALE"] }), Box::new(|it| it["basic"]["gender"] == "FEMALE")),
        (
            json!({ "country": ["KR"] }),
            Box::new(|customer| has(&customer["devices"], |device| device["country"] == "KR")),
        ),
        (json!({ "hasIdentifier": ["phone"] }), Box::new(|it| is_known_by(it, "phone"))),
        (
            json!({ "hasIdentifier": ["external_id", "kakao_id"] }),
            Box::new(|it| is_known_by(it, "external_id") && is_known_by(it, "kakao_id")),
        ),
        (
            json!({ "lastActivity": { "from": "2025-12-01T00:00:00Z" } }),
            Box::new(|it| Some("2025-12-01T00:00:00Z") <= it["activity"]["lastActivityAt"].as_str()),
        ),
        (
            json!({ "firstAccess": { "from": "2024-06-01T00:00:00Z", "before": "2025-06-01T09:00:00+09:00" } }),
            Box::new(|customer| {
                let at = customer["activity"]["firstAccessAt"].as_str();
                Some("2024-06-01T00:00:00Z") <= at && at < Some("2025-06-01T00:00:00Z")
            }),
        ),
        (
            json!({ "purchaseCount12m": { "min": 2 } }),
            Box::new(|it| Some(2) <= it["purchases"]["window"]["count"].as_u64()),
        ),
        (
            json!({ "purchaseAmount12m": { "min": "200", "max": 400 } }),
            Box::new(|customer| {
                let amount = amount(&customer["purchases"]["window"]["amount"]);
                Decimal::from(200) <= amount && amount <= Decimal::from(400)
            }),
        ),
        (
            json!({ "attribute": [{ "name": "lucky", "equals": 1 }] }),
            Box::new(|customer| {
                has(&customer["attributes"], |attribute| attribute["name"] == "lucky" && attribute["value"] == 1)
            }),
        ),
        (
            json!({ "hasIdentifier": ["phone"], "gender": ["MALE"] }),
            Box::new(|it| is_known_by(it, "phone") && it["basic"]["gender"] == "MALE"),
        ),
    ];
    for (filter, passes) in cases {
        let expected: BTreeSet<&String> = customers.iter().filter(|(_, it)| passes(it)).map(|(id, _)| id).collect();
        assert!(!expected.is_empty() && expected.len() < customers.len(), "{filter} selects some");
        let found = pages(&server, json!({ "filter": filter }), 9, false).await;
        assert_eq!(found.iter().collect::<BTreeSet<_>>(), expected, "{filter}");
        assert_eq!(pages(&server, json!({ "filter": filter }), 9, true).await, found, "{filter}");
    }
    let open = json!({ "filter": { "gender": [], "lastActivity": {}, "attribute": [], "country": null } });
    assert_eq!(pages(&server, open, 200, false).await.len(), customers.len(), "an empty filter matches all customers");
}

/// Whether a search text matches a customer: a simple reimplementation.
fn has_piece(customer: &Value, search: &str) -> bool {
    let lower = search.trim().to_lowercase();
    let name = customer["basic"]["name"].as_str().unwrap_or_default().to_lowercase();
    let digits: String = search.chars().filter(char::is_ascii_digit).collect();
    let is_number = 3 <= digits.len() && search.chars().all(|it| it.is_ascii_digit() || " -+".contains(it));
    let id = customer["unifiedId"].as_str().unwrap_or_default().replace('-', "");
    let identifiers = customer["identifiers"].as_array().expect("identifiers are a list");
    let has = |kind: &str, piece: &str| {
        let is_so = |identifier: &Value| {
            let value = identifier["value"].as_str().unwrap_or_default();
            identifier["kind"] == kind && value.replace("+82", "0").contains(piece)
        };
        identifiers.iter().any(is_so)
    };
    let references = ["external_id", "customer_card", "kakao_id", "line_id"];
    let begins = |identifier: &Value, part: &str| {
        let is_reference = references.iter().any(|kind| identifier["kind"] == *kind);
        let value = identifier["value"].as_str().unwrap_or_default().to_lowercase();
        is_reference && (value.starts_with(part) || value.contains(&format!("-{part}")))
    };
    let has_part = |part: &str| {
        name.split_whitespace().any(|word| word.starts_with(part))
            || (3 <= part.chars().count() && (has("email", part) || has("phone", part)))
            || (4 <= part.chars().count() && identifiers.iter().any(|it| begins(it, part)))
            || (8 <= part.len() && id.starts_with(part))
    };
    lower.split_whitespace().all(has_part)
        || (is_number && (has("phone", &digits) || has("phone", &digits.replacen("82", "0", 1))))
}

#[tokio::test]
async fn searches_find_names_addresses_and_numbers() {
    let (_base, server, customers) = base().await;
    let ada = |n: u32| {
        let value = format!("ada-{n}");
        let is_ada = |customer: &Value| {
            let mut identifiers = customer["identifiers"].as_array().into_iter().flatten();
            identifiers.any(|identifier| identifier["value"] == value)
        };
        customers.iter().find(|(_, it)| is_ada(it)).map(|(id, _)| id.clone()).expect("she is there")
    };
    let known: [String; 5] = [ada(0), ada(1), ada(2), ada(3), ada(4)];
    let upper = known[2].to_uppercase();
    let short = messages::beginning(&known[0], 8);
    let longer = format!("{} ada", messages::beginning(&known[1], 13));
    let cases: [(&str, &[usize]); 57] = [
        (&known[0], &[0]),
        (&upper, &[2]),
        // By the beginning of a unified ID, also with another word.
        (short, &[0]),
        (messages::beginning(short, 7), &[]),
        (&longer, &[1]),
        ("010-7777-0001", &[1]),
        ("01077770001", &[1]),
        ("+82 10 7777 0001", &[1]),
        ("ADA1@example.ORG", &[1]),
        ("ada-2", &[2]),
        // By name, and by the start of an address.
        ("ada", &[0, 1, 2]),
        ("Ad", &[0, 1]),
        ("lovel", &[0]),
        (" ada   lind ", &[1]),
        ("아", &[2]),
        ("아다", &[2]),
        ("박 아", &[2]),
        ("아다박", &[2]),
        ("velace", &[]),
        ("010-7777-0009", &[]),
        ("00000000-0000-8000-8000-000000000000", &[]),
        ("ㅎㄱㄷ", &[3]),
        ("ㅎㄱ", &[3]),
        ("홍ㄱ", &[3]),
        ("홍기", &[3]),
        ("홍길ㄷ", &[3]),
        ("\u{1112}\u{1169}\u{11bc}\u{1100}\u{1175}\u{11af}", &[3]),
        ("\u{1112}\u{1100}\u{1103}", &[3]),
        // Inside a name of Hangul.
        ("길동", &[3]),
        ("ㄱㄷ", &[3]),
        ("승기", &[4]),
        ("다", &[2]),
        // Each word is something: a name, a part of a number, the beginning of an ID.
        ("홍길동 2929", &[3]),
        ("길동 0001", &[]),
        ("ada 7777", &[0, 1, 2]),
        ("ada 010 7777 0001", &[1]),
        ("ada-", &[0, 1, 2, 3, 4]),
        ("da-1", &[]),
        ("이승기", &[4]),
        ("ㅇㅅㄱ", &[4]),
        ("잇ㄱ", &[4]),
        ("ㅂ ㅇ", &[2]),
        ("7777-000", &[0, 1, 2]),
        ("77770002", &[2]),
        ("+82 10 7777", &[0, 1, 2]),
        ("8210-8181", &[3]),
        ("010-8181-29", &[3]),
        ("2929", &[3]),
        ("8181 2", &[3]),
        ("29", &[]),
        ("hong@", &[3]),
        ("GILDONG", &[3]),
        ("@example.org", &[0, 1, 2, 3]),
        ("sg_lee", &[4]),
        ("ada1@exam", &[1]),
        ("da1@example.org", &[1]),
        ("@@", &[]),
    ];
    for (search, expected) in cases {
        let found = pages(&server, json!({ "search": search }), 2, false).await;
        assert_eq!(pages(&server, json!({ "search": search }), 3, true).await, found, "{search}");
        let expected: BTreeSet<&String> = expected.iter().map(|it| &known[*it]).collect();
        assert_eq!(found.iter().filter(|it| known.contains(it)).collect::<BTreeSet<_>>(), expected, "{search}");
        // Generated customers may have such names, too.
        for id in found.iter().filter(|it| !known.contains(it)) {
            let is_hangul = !search.is_ascii();
            assert!(is_hangul || has_piece(&customers[id], search), "{search} finds {}", customers[id]);
        }
    }
    let all = pages(&server, json!({}), 100, false).await;
    assert_eq!(pages(&server, json!({ "search": "  " }), 100, false).await, all, "a blank text is no condition");
    let filtered = json!({ "search": "ada", "filter": { "attribute": [{ "name": "lucky", "equals": 1 }] } });
    assert_eq!(pages(&server, filtered, 100, false).await, [known[1].clone()]);

    // Every part of a value finds its customers, in any order.
    for (id, customer) in customers.iter().take(12) {
        for identifier in customer["identifiers"].as_array().expect("identifiers are a list") {
            let value = identifier["value"].as_str().expect("values are texts");
            let part = |range: std::ops::Range<usize>| value.get(range).unwrap_or(value).to_owned();
            let pieces = match identifier["kind"].as_str() {
                Some("phone") => vec![part(value.len() - 4..value.len()), value.replace("+82", "0"), part(0..9)],
                Some("email") => vec![part(1..5), part(2..value.len()).to_uppercase()],
                _ => vec![value.to_owned()],
            };
            for piece in pieces {
                let question = json!({ "search": piece, "order": { "field": "NAME", "direction": "ASC" } });
                assert!(pages(&server, question, 50, false).await.contains(id), "{piece} finds its customer");
            }
        }
    }
}

#[tokio::test]
async fn suggestions_say_what_matched_and_which_filters_the_text_names() {
    let (_base, server, customers) = base().await;
    let query = "query($search: String!, $first: Int) {
        suggestCustomers(search: $search, first: $first) {
            totalCount
            customers { profile { unifiedId basic { name } } matches { by identifier { kind value } } }
            filters { field values rest totalCount }
        }
        profiles(search: $search) { totalCount }
    }";
    let phone = json!({ "by": "IDENTIFIER", "identifier": { "kind": "phone", "value": "+821081812929" } });
    let external_id =
        |value: &str| json!({ "by": "IDENTIFIER", "identifier": { "kind": "external_id", "value": value } });
    let name = json!({ "by": "NAME", "identifier": null });
    for (search, matches) in [
        ("홍길동 2929", json!([name, phone])),
        ("길동", json!([name])),
        ("01081812929", json!([phone])),
        ("ada-3", json!([external_id("ada-3")])),
        ("ada-", json!([external_id("ada-4")])),
    ] {
        let found = server.ask(query, json!({ "search": search, "first": 50 })).await;
        let suggested = &found["suggestCustomers"];
        assert_eq!(suggested["totalCount"], found["profiles"]["totalCount"], "{search}");
        let all = suggested["customers"].as_array().expect("customers are a list");
        assert!(all.iter().any(|it| it["matches"] == matches), "{search} finds one by {matches}: {all:?}");
    }
    let id = |suggested: &Value| suggested["profile"]["unifiedId"].as_str().expect("an ID").to_owned();
    let short = customers.keys().next().expect("there are customers").clone();
    let found =
        server.ask(query, json!({ "search": messages::beginning(&short, 8) })).await["suggestCustomers"]["customers"]
            .take();
    assert_eq!((id(&found[0]), &found[0]["matches"]), (short, &json!([{ "by": "UNIFIED_ID", "identifier": null }])));
    assert_eq!(server.codes(query, json!({ "search": "a", "first": 51 })).await, ["PAGE_SIZE_OUT_OF_RANGE"]);

    // A level and the city of an area are words of the text; the rest is searched for.
    for (field, argument, value) in
        [("MEMBERSHIP_LEVEL", "membershipLevel", "membershipLevel"), ("RECENT_AREA", "recentArea", "recentArea")]
    {
        let values: BTreeSet<&str> = customers.values().filter_map(|it| it["basic"][value].as_str()).collect();
        let value = values.iter().next().expect("some customer has one");
        let word = value.split(' ').next_back().expect("a word").to_lowercase();
        let found = server.ask(query, json!({ "search": format!("길 {word}") })).await["suggestCustomers"].take();
        let filters = found["filters"].as_array().expect("filters are a list");
        let filter = filters.iter().find(|it| it["field"] == field).expect("it is offered");
        assert!(filter["values"].as_array().expect("values are a list").contains(&json!(value)), "{filter}");
        assert_eq!(filter["rest"], "길");
        let passing = pages(&server, json!({ "filter": { argument: filter["values"] } }), 100, false).await;
        assert_eq!(filter["totalCount"], passing.len());
    }
}

/// The list is updated shortly after a commit; until then the profile of a row may be merged already.
#[tokio::test]
async fn a_row_of_a_merged_profile_shows_the_merged_customer() {
    let at = |hour: u32| format!("2025-03-01T{hour:02}:00:00Z");
    let apart = [
        messages::identify("1", &at(1), json!({ "external_id": "u1" }), json!({ "df_name": "김하나" })),
        messages::purchase("2", &at(2), json!({ "device_id": "d1" }), "o1", "1000"),
    ];
    let together = messages::event("3", &at(3), json!({ "external_id": "u1", "device_id": "d1" }), "seen", json!({}));
    let base = Base::with(&messages::ndjson(&apart));
    let database = base.database();
    let rows = in_process(async move {
        let store = profile360_store::connect(&database).await.expect("it can be opened");
        let mut rows = Vec::new();
        for ids in store.shares().await.expect("it can be read") {
            rows.extend(store.list_rows_in(&ids).await.expect("it can be read"));
        }
        store.close().await;
        rows
    });
    assert_eq!(rows.len(), 2);
    base.write("messages.ndjson", messages::ndjson(&[together]));
    assert_eq!(base.import("messages.ndjson").status, Some(0));
    let database = base.database();
    in_process(async move {
        let store = profile360_store::connect(&database).await.expect("it can be opened");
        let stale = rows.into_iter().map(|(key, payload)| ProfileWrite { key, payload: Some(payload) }).collect();
        store.write_profiles(stale, None).await.expect("it can be written");
        store.close().await;
    });
    let server = base.serve();
    let query = "{ profiles { nodes { basic { name } identifiers { value } purchases { firstPurchaseDate } } } }";
    let nodes = server.ask(query, Value::Null).await["profiles"]["nodes"].take();
    let merged = json!({
        "basic": { "name": "김하나" },
        "identifiers": [{ "value": "u1" }, { "value": "d1" }],
        "purchases": { "firstPurchaseDate": "2025-03-01" },
    });
    assert_eq!(nodes, json!([merged, merged]));
}

#[tokio::test]
async fn facets_count_the_values_of_the_list() {
    const FACET: &str = "query($field: ProfileFacetField!, $attribute: String, $filter: ProfileFilter, $search: String, $first: Int! = 200) {
        profileFacet(field: $field, attribute: $attribute, filter: $filter, search: $search, first: $first) {
            values { value count } isComplete
        }
    }";
    let (_base, server, _) = base().await;
    let total = async |filter: Value, search: &str| {
        let page = server.ask(LIST, json!({ "filter": filter, "search": search, "first": 1 })).await;
        page["profiles"]["totalCount"].clone()
    };
    for (field, name) in [
        ("PLATFORM", "platform"),
        ("GENDER", "gender"),
        ("AGE_GROUP", "ageGroup"),
        ("MEMBERSHIP_LEVEL", "membershipLevel"),
        ("COUNTRY", "country"),
        ("RECENT_AREA", "recentArea"),
        ("HAS_IDENTIFIER", "hasIdentifier"),
    ] {
        let base = json!({ "hasIdentifier": ["phone"] });
        for search in ["", "010"] {
            let variables = json!({ "field": field, "filter": base, "search": search });
            let facet = server.ask(FACET, variables).await["profileFacet"].take();
            assert_eq!(facet["isComplete"], true);
            let values = facet["values"].as_array().expect("values are a list");
            assert!(!values.is_empty(), "{field}");
            for value in values.iter().take(3) {
                let mut filter = base.clone();
                let mut wanted = vec![value["value"].clone()];
                if name == "hasIdentifier" {
                    wanted.push(json!("phone"));
                }
                filter[name] = json!(wanted);
                assert_eq!(value["count"], total(filter, search).await, "{field} {value}");
            }
        }
    }
    let names = server.ask(FACET, json!({ "field": "ATTRIBUTE_NAME" })).await["profileFacet"]["values"].take();
    assert!(names.as_array().into_iter().flatten().any(|it| it["value"] == "lucky" && it["count"] == 3), "{names}");
    let lucky = json!({ "field": "ATTRIBUTE", "attribute": "lucky" });
    let values = server.ask(FACET, lucky).await["profileFacet"]["values"].take();
    let expected: Vec<Value> = (0..3).map(|n| json!({ "value": n, "count": 1 })).collect();
    assert_eq!(values, json!(expected));

    for (variables, code) in [
        (json!({ "field": "ATTRIBUTE" }), "BAD_USER_INPUT"),
        (json!({ "field": "GENDER", "attribute": "lucky" }), "BAD_USER_INPUT"),
        (json!({ "field": "GENDER", "first": 0 }), "PAGE_SIZE_OUT_OF_RANGE"),
        (json!({ "field": "GENDER", "first": 201 }), "PAGE_SIZE_OUT_OF_RANGE"),
    ] {
        assert_eq!(server.codes(FACET, variables).await, [code]);
    }
}
