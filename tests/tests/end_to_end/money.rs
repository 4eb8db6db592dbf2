//! Orders, refunds and times from real senders: other senders, repetitions, wrong clocks.

use profile360_tests::{Base, Deadline, Ran, Server, messages};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

const AS_OF: &str = "2025-07-01";

fn order(id: &str, who: Value, day: u32, order_id: &str, amount: u32) -> Value {
    let paid = json!({ "df_order_id": order_id, "df_total_purchase_amount": amount });
    messages::event(id, &format!("2025-06-{day:02}T09:00:00Z"), who, "df_purchase", paid)
}

fn refund(id: &str, who: Value, day: u32, given_back: Value) -> Value {
    messages::event(id, &format!("2025-06-{day:02}T12:00:00Z"), who, "df_refund", given_back)
}

fn buyer(id: &str) -> Value {
    json!({ "external_id": id })
}

/// Number and amount of orders in a year, the same net of refunds, number and amount of refunds.
async fn figures(server: &Server, kind: &str, value: &str) -> [String; 3] {
    let query = "query($kind: String!, $value: String!, $asOf: Date) {
        profile(by: { identifier: { kind: $kind, value: $value } }, asOf: $asOf) {
            purchases { window(months: 12) { count amount } refundCount refundAmount }
            net: purchases(netOfRefunds: true) { window(months: 12) { count amount } }
        } }";
    let answer = server.ask(query, json!({ "kind": kind, "value": value, "asOf": AS_OF })).await;
    let two = |path: &str, names: [&str; 2]| {
        let found = answer.pointer(path).unwrap_or_else(|| panic!("{answer}"));
        names.map(|name| found[name].to_string().trim_matches('"').to_owned()).join(" ")
    };
    [
        two("/profile/purchases/window", ["count", "amount"]),
        two("/profile/net/window", ["count", "amount"]),
        two("/profile/purchases", ["refundCount", "refundAmount"]),
    ]
}

fn codes(results: &[Value]) -> Vec<Vec<&str>> {
    fn of_one(result: &Value) -> Vec<&str> {
        result["warnings"].as_array().into_iter().flatten().filter_map(|it| it["code"].as_str()).collect()
    }
    results.iter().map(of_one).collect()
}

#[tokio::test]
async fn a_refund_finds_its_order_from_any_sender() {
    let base = Base::new();
    let server = base.serve();
    let guest = json!({ "email": "guest@example.com" });
    // Before its order, after it, by another system, by its ID alone, and of an unknown order.
    let sent = [
        refund("r1", guest.clone(), 2, json!({ "df_order_id": "o-1", "df_total_refund_amount": 30 })),
        order("o1", buyer("a"), 1, "o-1", 100),
        order("o2", buyer("a"), 1, "o-2", 50),
        refund("r2", json!({ "external_id": "erp" }), 3, json!({ "df_order_id": "o-2" })),
        refund("r3", guest.clone(), 3, json!({ "df_order_id": "o-9", "df_total_refund_amount": 7 })),
    ];
    assert_eq!(codes(&server.ingest(&sent).await), vec![Vec::<&str>::new(); 5]);
    let of_a = ["2 150", "1 70", "2 80"];
    assert_eq!(figures(&server, "external_id", "a").await, of_a);
    assert_eq!(figures(&server, "email", "guest@example.com").await, ["0 0", "0 -7", "1 7"]);
    assert_eq!(figures(&server, "external_id", "erp").await, ["0 0", "0 0", "0 0"]);

    // The order moves to another customer with its refunds.
    let moved = server.ingest(&[order("o3", buyer("b"), 4, "o-1", 90), order("o4", buyer("a"), 2, "o-1", 80)]).await;
    assert_eq!(codes(&moved), [["ORDER_MOVED"], ["ORDER_TAKEN"]]);
    assert_eq!(figures(&server, "external_id", "a").await, ["1 50", "0 0", "1 50"]);
    let of_b = ["1 90", "1 60", "1 30"];
    assert_eq!(figures(&server, "external_id", "b").await, of_b);

    // A merge and an unmerge restore everything; within one customer, a corrected order does not move.
    let decide = "mutation($a: String!, $b: String!) { decide(relation: SAME, reason: \"one\",
        a: { kind: \"external_id\", value: $a }, b: { kind: \"external_id\", value: $b }) { status detail decision { id } } }";
    let limit = server.ask(decide, json!({ "a": "b", "b": "erp" })).await;
    assert_eq!(limit["decide"]["status"], "APPLIED", "{limit}");
    assert_eq!(figures(&server, "external_id", "erp").await, of_b);
    let revoke = "mutation($id: ID!) { revokeDecision(id: $id, reason: \"two\") { status } }";
    server.ask(revoke, json!({ "id": limit["decide"]["decision"]["id"] })).await;
    assert_eq!(figures(&server, "external_id", "erp").await, ["0 0", "0 0", "0 0"]);
    assert_eq!(figures(&server, "external_id", "b").await, of_b);
    assert_eq!(server.stop(), Some(0));
    base.check();
}

#[tokio::test]
async fn a_repeated_refund_counts_once_and_an_excess_is_a_warning() {
    let base = Base::new();
    let server = base.serve();
    let part = |id: &str| json!({ "df_order_id": "o-1", "df_refund_id": id, "df_total_refund_amount": 40 });
    let sent = [
        order("o1", buyer("a"), 1, "o-1", 100),
        refund("r1", buyer("a"), 2, part("re_1")),
        refund("r2", buyer("a"), 2, part("re_1")),
        refund("r3", buyer("a"), 3, part("re_2")),
    ];
    let results = server.ingest(&sent).await;
    assert_eq!(codes(&results), [vec![], vec![], vec!["REFUND_REPEATED"], vec![]]);
    assert_eq!(figures(&server, "external_id", "a").await, ["1 100", "1 20", "2 80"]);
    let results = server.ingest(&[refund("r4", buyer("a"), 4, part("re_3"))]).await;
    assert_eq!(codes(&results), [["REFUND_EXCEEDS_ORDER"]]);
    assert_eq!(figures(&server, "external_id", "a").await, ["1 100", "0 0", "3 120"]);
    // With Segment's field names.
    let call = json!({ "messageId": "s1", "userId": "a", "type": "track", "event": "Order Refunded",
        "timestamp": "2025-06-02T12:00:00Z", "properties": { "order_id": "o-1", "refund_id": "re_1", "total": 40 } });
    let answer = server.http.post(server.url("/v1/track")).json(&call).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(answer["results"][0]["warnings"][0]["code"], "REFUND_REPEATED", "{answer}");
    assert_eq!(figures(&server, "external_id", "a").await, ["1 100", "0 0", "3 120"]);
}

#[tokio::test]
async fn shops_can_have_separate_order_ids() {
    let base = Base::new();
    base.write("policy.json", r#"{ "order_ids": "source" }"#);
    let server = base.serve_with(&["--policy", "policy.json"]);
    let of = |source: &str, mut message: Value| {
        message["source"] = json!(source);
        message
    };
    let sent = [
        of("toys", order("o1", buyer("a"), 1, "777", 100)),
        of("parts", order("o2", buyer("b"), 2, "777", 200)),
        of("parts", refund("r1", buyer("b"), 3, json!({ "df_order_id": "777" }))),
        of(
            "erp",
            refund(
                "r2",
                buyer("erp"),
                3,
                json!({ "df_order_id": "777", "df_order_source": "toys", "df_total_refund_amount": 1 }),
            ),
        ),
    ];
    assert_eq!(codes(&server.ingest(&sent).await), vec![Vec::<&str>::new(); 4]);
    assert_eq!(figures(&server, "external_id", "a").await, ["1 100", "1 99", "1 1"]);
    assert_eq!(figures(&server, "external_id", "b").await, ["1 200", "0 0", "1 200"]);
    assert_eq!(server.stop(), Some(0));
    base.check();
}

/// A time in 2199 is ahead of every clock.
const AHEAD: &str = "2199-06-01T09:00:00Z";

#[tokio::test]
async fn times_ahead_of_the_clock_are_refused_on_every_route() {
    let base = Base::new();
    let server = base.serve();
    let far = messages::identify("m1", AHEAD, buyer("u1"), json!({ "df_membership": "VIP" }));
    let near = messages::identify("m2", "2025-06-01T09:00:00Z", buyer("u1"), json!({ "df_membership": "Silver" }));
    let request = server.http.post(server.url("/v1/messages")).header(CONTENT_TYPE, "application/x-ndjson");
    let answer = request.body(messages::ndjson(&[far.clone(), near])).send().await.expect("an answer");
    let text = answer.text().await.expect("a text");
    let lines: Vec<Value> = text.lines().map(|it| serde_json::from_str(it).expect("JSON")).collect();
    assert_eq!((&lines[0]["message_id"], &lines[0]["code"]), (&json!("m1"), &json!("TIMESTAMP_AHEAD")), "{text}");
    assert_eq!((&lines[0]["warnings"][0]["code"], &lines[1]["status"]), (&json!("CLOCK_AHEAD"), &json!("CREATED")));
    assert_eq!(server.ingest(std::slice::from_ref(&far)).await[0]["code"], "TIMESTAMP_AHEAD");
    let post = async |path: &str, body: Value| -> Value {
        let answer = server.http.post(server.url(path)).json(&body).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    };
    let track = |sent_at: Value| {
        json!({ "sentAt": sent_at, "batch": [{ "type": "track", "messageId": "s1", "userId": "u1", "event": "Viewed",
            "originalTimestamp": AHEAD }] })
    };
    let answer = post("/v1/batch", track(Value::Null)).await;
    assert_eq!(answer["results"][0]["code"], "TIMESTAMP_AHEAD", "{answer}");
    // Explained by the sender's clock.
    let answer = post("/v1/batch", track(json!(AHEAD))).await;
    assert_eq!(answer["results"][0]["warnings"][0]["code"], "CLOCK_OFF", "{answer}");
    assert_eq!(answer["results"][0]["status"], "UPDATED", "{answer}");
    let event =
        json!({ "identity": { "external_id": "u1" }, "events": [{ "event_name": "a", "event_datetime": AHEAD }] });
    let answer = post("/api/v1/events", event).await;
    assert_eq!(answer["results"][0]["code"], "TIMESTAMP_AHEAD", "{answer}");
    let query =
        "{ profile(by: { identifier: { kind: \"external_id\", value: \"u1\" } }) { basic { membershipLevel } } }";
    assert_eq!(server.ask(query, Value::Null).await["profile"]["basic"]["membershipLevel"], "Silver");
    assert_eq!(server.stop(), Some(0));

    base.write("ahead.ndjson", messages::ndjson(&[far]));
    let Ran { status, stderr, .. } = base.import("ahead.ndjson");
    assert!(status == Some(3) && stderr.contains("TIMESTAMP_AHEAD"), "{stderr}");
    // Commands without a database use no clock: they give the same result on every day.
    assert_eq!(base.run(&["resolve", "ahead.ndjson", "--out", "partition.csv"]).status, Some(0));
}

#[tokio::test]
async fn health_reports_no_pending_customers_only_when_all_are_listed() {
    const CUSTOMERS: usize = 1_500;
    let base = Base::new();
    let server = base.serve();
    let one =
        |n: usize| messages::identify(&format!("m{n}"), "2025-06-01T09:00:00Z", buyer(&format!("u{n}")), json!({}));
    let all: Vec<Value> = (0..CUSTOMERS).map(one).collect();
    let request =
        server.http.post(server.url("/v1/messages?results=none")).header(CONTENT_TYPE, "application/x-ndjson");
    let answer = request.body(messages::ndjson(&all)).send().await.expect("an answer");
    assert!(answer.text().await.expect("a text").contains("COMPLETE"));
    let deadline = Deadline::new("the list to have every customer");
    loop {
        let answer = server.http.get(server.url("/healthz")).send().await.expect("an answer");
        let health: Value = answer.json().await.expect("JSON");
        if health["customersToList"] == 0 {
            assert_eq!(health["customers"], CUSTOMERS);
            break;
        }
        deadline.check(&health);
    }
}
