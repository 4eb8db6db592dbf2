//! The whole profile: every item in one query, and the arithmetic of its figures.

use profile360_core::profile::avatar::avatar;
use profile360_tests::{Base, messages};
use serde_json::{Value, json};

/// The query of docs/card.md, which readers paste into a file.
fn whole_card() -> &'static str {
    let page = include_str!("../../../docs/card.md");
    let (_, query) = page.split_once("cat > card.graphql <<'END'\n").expect("the page has the query");
    query.split_once("\nEND\n").expect("the query ends").0
}

/// The required items with their paths in the response, and their values for the customer of [`messages_of_one`].
fn seed(unified_id: &Value) -> Vec<(&'static str, &'static str, Value)> {
    let names = |names: [&str; 3]| names.map(|name| json!({ "name": name })).to_vec().into();
    let color = avatar(Some("한지우")).color;
    vec![
        ("the list: customers by unified ID", "/profiles/nodes/0/unifiedId", unified_id.clone()),
        // Customer identification information.
        (
            "External ID",
            "/profile/identifiers/0",
            identifier("external_id", "1230102301", "2026-03-14T13:00:00Z", &["app", "crm", "web"]),
        ),
        (
            "my customer card",
            "/profile/identifiers/1",
            identifier("customer_card", "9410-1", "2025-01-10T00:00:00Z", &["crm"]),
        ),
        (
            "Mobile phone number",
            "/profile/identifiers/2",
            identifier("phone", "+821012345678", "2025-01-10T00:00:00Z", &["crm"]),
        ),
        ("Email", "/profile/identifiers/3", identifier("email", "jiwoo@example.com", "2025-01-10T00:00:00Z", &["crm"])),
        ("Kakao ID", "/profile/identifiers/4", identifier("kakao_id", "k-77", "2025-01-10T00:00:00Z", &["crm"])),
        ("Line ID", "/profile/identifiers/5", identifier("line_id", "U77", "2025-01-10T00:00:00Z", &["crm"])),
        ("devices", "/profile/identifiers/6/value", json!("d-2")),
        // Basic information.
        ("Unified ID", "/profile/unifiedId", unified_id.clone()),
        ("Avatar", "/profile/basic/avatar", json!({ "letter": "한", "color": color })),
        ("Name", "/profile/basic/name", json!("한지우")),
        ("Platform", "/profile/basic/platforms", json!(["ANDROID", "WEB"])),
        ("Total number of connected devices", "/profile/basic/deviceCount", json!(2)),
        ("Mobile phone number", "/profile/basic/phone", json!("+821012345678")),
        ("Email", "/profile/basic/email", json!("jiwoo@example.com")),
        ("Gender", "/profile/basic/gender", json!("FEMALE")),
        ("Birth date", "/profile/basic/birthDate", json!("1991-03-15")),
        // Today is the birthday.
        ("Age", "/profile/basic/age", json!(35)),
        ("Age Group", "/profile/basic/ageGroup", json!("30s")),
        ("Membership Level", "/profile/basic/membershipLevel", json!("Gold")),
        ("Recent area", "/profile/basic/recentArea", json!("서울 마포구")),
        // Activity information.
        ("First access date and time", "/profile/activity/firstAccessAt", json!("2025-01-10T00:00:00Z")),
        ("Last activity date", "/profile/activity/lastActivityAt", json!("2026-03-14T12:05:00Z")),
        ("Total number of events", "/profile/activity/eventCount", json!(6)),
        ("Total number of sessions", "/profile/activity/sessionCount", json!(2)),
        ("Last updated date", "/profile/activity/lastUpdatedAt", json!("2026-03-14T13:00:00Z")),
        // Recent device information.
        ("Recent Device ID", "/profile/recentDevice/deviceId", json!("d-1")),
        ("Recent device region", "/profile/recentDevice/region", json!("서울")),
        ("Recent device models", "/profile/recentDevice/model", json!("SM-S928N")),
        ("Recent news agency (carrier)", "/profile/recentDevice/carrier", json!("SKT")),
        ("Latest browser", "/profile/recentDevice/browser", json!("Chrome")),
        ("Latest browser version", "/profile/recentDevice/browserVersion", json!("126.0.0.0")),
        ("Recent countries", "/profile/recentDevice/country", json!("KR")),
        ("Recent city", "/profile/recentDevice/city", json!("마포구")),
        ("Most recently used library version", "/profile/recentDevice/libraryVersion", json!("2.8.0")),
        ("Recently used library platforms", "/profile/recentDevice/libraryPlatform", json!("android")),
        ("Recent OS", "/profile/recentDevice/os", json!("Android")),
        ("Recent OS version", "/profile/recentDevice/osVersion", json!("14")),
        ("Recent Languages", "/profile/recentDevice/language", json!("ko-KR")),
        ("Recent time zone", "/profile/recentDevice/timeZone", json!("Asia/Seoul")),
        ("Recent area", "/profile/recentDevice/area", json!("서울 마포구")),
        ("Recent usage time", "/profile/recentDevice/lastUsedAt", json!("2026-03-14T12:05:00Z")),
        ("all devices, last used first", "/profile/devices", json!([{ "deviceId": "d-1" }, { "deviceId": "d-2" }])),
        // Standard and custom attributes.
        (
            "a standard attribute, with what lost",
            "/profile/attributes/2",
            json!({
                "name": "df_membership", "standard": true, "value": "Gold", "rule": "latest", "source": "crm",
                "observedAt": "2026-03-14T13:00:00Z", "identifier": { "value": "1230102301" },
                "others": [{ "value": "Silver", "source": "crm", "observedAt": "2025-01-10T00:00:00Z" }],
            }),
        ),
        ("a custom attribute: a number", "/profile/attributes/5/value", json!(1200.5)),
        ("a custom attribute: a list", "/profile/attributes/6/value", json!(["차", "책"])),
        (
            "Consents",
            "/profile/consents/0",
            json!({ "channel": "sms_ads", "granted": true, "observedAt": "2025-01-10T00:00:00Z", "source": "crm" }),
        ),
        // Purchase information.
        (
            "Number, amount, average: 3 months",
            "/profile/purchases/windows/0",
            window(3, "2025-12-15", 2, "84000", "42000"),
        ),
        (
            "Number, amount, average: 6 months",
            "/profile/purchases/windows/1",
            window(6, "2025-09-15", 3, "105000", "35000"),
        ),
        (
            "Number, amount, average: 1 year",
            "/profile/purchases/windows/2",
            window(12, "2025-03-15", 4, "168000", "42000"),
        ),
        ("Most purchased day of the week", "/profile/purchases/peakWeekday", json!("TUESDAY")),
        ("Most Purchased Time (24 Hours)", "/profile/purchases/peakHour", json!(20)),
        ("Date of first purchase", "/profile/purchases/firstPurchaseDate", json!("2025-05-10")),
        ("Last purchase date", "/profile/purchases/lastPurchaseDate", json!("2026-03-10")),
        // Tea and cup are bought equally often: the amount decides.
        ("Purchase Category #1 to #3: 3 months", "/profile/purchases/categories3", names(["식품", "주방", "도서"])),
        ("Purchase Category #1 to #3: 6 months", "/profile/purchases/categories6", names(["주방", "생활", "식품"])),
        ("Purchase Category #1 to #3: 1 year", "/profile/purchases/categories12", names(["식품", "생활", "주방"])),
        ("Purchased Items #1 to #3: 3 months", "/profile/purchases/products3", names(["녹차", "머그컵", "시집"])),
        ("Purchased Items #1 to #3: 6 months", "/profile/purchases/products6", names(["머그컵", "비누", "녹차"])),
        ("Purchased Items #1 to #3: 1 year", "/profile/purchases/products12", names(["녹차", "비누", "머그컵"])),
        (
            "what the customer did",
            "/profile/timeline/nodes/0",
            json!({ "name": "df_view_home", "at": "2026-03-14T12:05:00Z" }),
        ),
    ]
}

fn identifier(kind: &str, value: &str, last_seen: &str, sources: &[&str]) -> Value {
    json!({ "kind": kind, "value": value, "firstSeenAt": "2025-01-10T00:00:00Z", "lastSeenAt": last_seen, "sources": sources })
}

fn window(months: u32, from: &str, count: u32, amount: &str, average: &str) -> Value {
    json!({ "months": months, "from": from, "to": "2026-03-14", "count": count, "amount": amount, "average": average })
}

/// `id/name/category xN =amount`, as an item.
fn item((id, name, category, quantity, amount): (&str, &str, &str, u32, &str)) -> Value {
    json!({
        "df_item_id": id, "df_item_name": name, "df_category1": category, "df_quantity": quantity, "df_line_amount": amount,
    })
}

const TEA: (&str, &str, &str) = ("p-1", "녹차", "식품");
const CUP: (&str, &str, &str) = ("p-2", "머그컵", "주방");
const BOOK: (&str, &str, &str) = ("p-3", "시집", "도서");
const SOAP: (&str, &str, &str) = ("p-4", "비누", "생활");

/// All messages of one customer.
fn messages_of_one() -> Vec<Value> {
    let who = json!({ "external_id": "1230102301" });
    let order = |id: &str, at: &str, items: &[((&str, &str, &str), u32, &str)]| {
        let items: Vec<Value> =
            items.iter().map(|((id, name, category), n, amount)| item((id, name, category, *n, amount))).collect();
        messages::event(id, at, who.clone(), "df_purchase", json!({ "df_order_id": id, "df_items": items }))
    };
    let mut phone = messages::event(
        "m-2",
        "2026-03-14T21:05:00+09:00",
        json!({ "external_id": "1230102301", "device_id": "d-1" }),
        "df_view_home",
        json!({}),
    );
    phone["source"] = json!("app");
    phone["platform"] = json!("Android");
    phone["session_id"] = json!("s-1");
    phone["device"] = json!({
        "model": "SM-S928N", "os": "Android", "os_version": "14", "carrier": "SKT", "language": "ko-KR", "time_zone": "Asia/Seoul",
        "country": "KR", "region": "서울", "city": "마포구", "library_platform": "android", "library_version": "2.8.0",
        "user_agent": "Mozilla/5.0 (Linux; Android 14; SM-S928N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
    });
    let mut browser = messages::event(
        "m-3",
        "2026-02-01T09:00:00+09:00",
        json!({ "external_id": "1230102301", "device_id": "d-2" }),
        "df_login",
        json!({}),
    );
    browser["session_id"] = json!("s-2");
    vec![
        messages::identify(
            "m-1",
            "2025-01-10T09:00:00+09:00",
            json!({
                "external_id": "1230102301", "phone_no": "010-1234-5678", "email": "Jiwoo@Example.com", "kakao_user_id": "k-77",
                "line_user_id": "U77", "customer_card": "9410-1",
            }),
            json!({
                "df_name": "한지우", "df_gender": "Female", "df_birth": "1991-03-15", "df_membership": "Silver",
                "df_sms_ads_optin": true, "points": 1200.5, "tastes": ["차", "책"],
            }),
        ),
        phone,
        browser,
        // 2025-05-10 is a Saturday, the others are Tuesdays.
        order("o-1", "2025-05-10T10:00:00+09:00", &[(TEA, 4, "60000"), (SOAP, 1, "3000")]),
        order("o-2", "2025-11-04T20:10:00+09:00", &[(SOAP, 3, "9000"), (CUP, 1, "12000")]),
        order("o-3", "2026-01-06T20:30:00+09:00", &[(TEA, 2, "30000"), (CUP, 2, "24000"), (BOOK, 1, "15000")]),
        order("o-4", "2026-03-10T20:05:00+09:00", &[(BOOK, 1, "15000")]),
        messages::identify("m-4", "2026-03-14T22:00:00+09:00", who.clone(), json!({ "df_membership": "Gold" })),
    ]
}

#[tokio::test]
async fn one_query_answers_every_item_of_the_seed() {
    let base = Base::with(&messages::ndjson(&messages_of_one()));
    let server = base.serve();
    let by = json!({ "identifier": { "kind": "phone", "value": "010-1234-5678" } });
    let answer = server.ask(whole_card(), json!({ "by": by, "asOf": "2026-03-15", "search": "한지우" })).await;
    assert!(answer["profile"]["unifiedId"].is_string());
    for (item, path, expected) in seed(&answer["profile"]["unifiedId"]) {
        assert_eq!(answer.pointer(path), Some(&expected), "{item} ({path})");
    }
}

#[tokio::test]
async fn purchases_of_the_date_itself_are_counted_apart() {
    let base = Base::with(&messages::ndjson(&messages_of_one()));
    let server = base.serve();
    let query = "query($asOf: Date!) {
        profile(by: { identifier: { kind: \"external_id\", value: \"1230102301\" } }, asOf: $asOf) {
            purchases { onDate { count amount } window(months: 3) { count } }
        }
    }";
    for (as_of, on_date, before) in [
        ("2026-03-09", json!({ "count": 0, "amount": "0" }), 1),
        ("2026-03-10", json!({ "count": 1, "amount": "15000" }), 1),
        ("2026-03-11", json!({ "count": 0, "amount": "0" }), 2),
    ] {
        let answer = server.ask(query, json!({ "asOf": as_of })).await;
        let purchases = json!({ "onDate": on_date, "window": { "count": before } });
        assert_eq!(answer, json!({ "profile": { "purchases": purchases } }), "{as_of}");
    }
    for (faulty, code) in [
        ("spend(months: 121) { largestCount }", "BAD_USER_INPUT"),
        ("rankings(first: 0) { months }", "PAGE_SIZE_OUT_OF_RANGE"),
    ] {
        let key = "identifier: { kind: \"external_id\", value: \"1230102301\" }";
        let query = format!("{{ profile(by: {{ {key} }}) {{ purchases {{ {faulty} }} }} }}");
        assert_eq!(server.codes(&query, Value::Null).await, [code]);
    }
}

#[tokio::test]
async fn orders_corrections_and_refunds_are_counted_exactly() {
    let who = json!({ "external_id": "2" });
    let event =
        |id: &str, at: &str, name: &str, properties: Value| messages::event(id, at, who.clone(), name, properties);
    let line = |id: &str, quantity: u32, amount: &str| json!({ "df_item_id": id, "df_quantity": quantity, "df_line_amount": amount });
    let original = event(
        "m-1",
        "2026-02-01T10:00:00+09:00",
        "df_purchase",
        json!({ "df_order_id": "o-1", "df_total_purchase_amount": 999_999 }),
    );
    let base = Base::new();
    let server = base.serve();
    let sent = [
        // A refund before its purchase, and a correction before its original.
        event(
            "m-0",
            "2026-03-02T10:00:00+09:00",
            "df_refund",
            json!({
            "df_order_id": "o-1", "df_total_refund_amount": "-5.05", "df_items": [line("fuel", 100, "5.05")] }),
        ),
        event(
            "m-2",
            "2026-02-01T10:05:00+09:00",
            "df_purchase",
            json!({
            "df_order_id": "o-1", "df_items": [line("fuel", 89_638, "125493.20"), line("deposit", 0, "1")] }),
        ),
        original.clone(),
        original,
        // Fractions that binary floating point cannot hold.
        event(
            "m-3",
            "2026-02-03T10:00:00+09:00",
            "df_purchase",
            json!({
            "df_order_id": "o-3", "df_items": [{ "df_item_id": "pen", "df_price": "0.1", "df_quantity": 3 }] }),
        ),
        event(
            "m-4",
            "2026-02-04T10:00:00+09:00",
            "df_purchase",
            json!({
            "df_order_id": "o-4", "df_currency": "USD", "df_total_purchase_amount": "10.50" }),
        ),
        // Late: it happened before all others.
        event(
            "m-5",
            "2025-12-20T10:00:00+09:00",
            "df_purchase",
            json!({ "df_order_id": "o-2", "df_items": [line("fuel", 1, "100.25")] }),
        ),
    ];
    let statuses: Vec<Value> = server.ingest(&sent).await.iter().map(|it| it["status"].clone()).collect();
    assert_eq!(statuses, ["CREATED", "UPDATED", "UPDATED", "DUPLICATE", "UPDATED", "UPDATED", "UPDATED"]);
    let query = r#"{ profile(by: { identifier: { kind: "external_id", value: "2" } }, asOf: "2026-03-15") {
        gross: purchases { ...All } net: purchases(netOfRefunds: true) { ...All } dollars: purchases(currency: "USD") { ...All } } }
        fragment All on PurchaseInfo { currency currencies window(months: 3) { count amount average } refundCount refundAmount
            firstPurchaseDate lastPurchaseDate topProducts(months: 3) { rank key units orders amount } }"#;
    let all = |currency: &str, window: [&str; 3], refunds: [&str; 2], dates: [&str; 2], products: Value| {
        let number = |it: &str| it.parse::<u64>().expect("a number");
        json!({
            "currency": currency, "currencies": ["KRW", "USD"],
            "window": { "count": number(window[0]), "amount": window[1], "average": window[2] },
            "refundCount": number(refunds[0]), "refundAmount": refunds[1], "firstPurchaseDate": dates[0], "lastPurchaseDate": dates[1],
            "topProducts": products,
        })
    };
    let product = |rank: u32, key: &str, units: u32, orders: u32, amount: &str| json!({ "rank": rank, "key": key, "units": units, "orders": orders, "amount": amount });
    let dates = ["2025-12-20", "2026-02-03"];
    // The deposit is paid but no unit: last, and part of the amount.
    let gross = json!([
        product(1, "fuel", 89_639, 2, "125593.45"),
        product(2, "pen", 3, 1, "0.3"),
        product(3, "deposit", 0, 1, "1")
    ]);
    let net = json!([
        product(1, "fuel", 89_539, 2, "125588.4"),
        product(2, "pen", 3, 1, "0.3"),
        product(3, "deposit", 0, 1, "1")
    ]);
    let expected = json!({ "profile": {
        "gross": all("KRW", ["3", "125594.75", "41864.9167"], ["1", "5.05"], dates, gross),
        "net": all("KRW", ["3", "125589.7", "41863.2333"], ["1", "5.05"], dates, net),
        "dollars": all("USD", ["1", "10.5", "10.5"], ["0", "0"], ["2026-02-04", "2026-02-04"], json!([])),
    } });
    assert_eq!(server.ask(query, Value::Null).await, expected);
}
