//! Ingestion statistics by hour and day: counted, kept across restarts, and free of data of messages.

use profile360_tests::{Base, messages};
use serde_json::{Value, json};

const HEALTH: &str = "{ health {
    summary(hours: 1) { accepted repeated refused lagSeconds warnings }
    hours { at accepted repeated refused }
    days { date accepted repeated refused customers growth merged unmerged }
    refused(hours: 1) { code count latest { at path sender } }
    sinceStart: refused { code count }
} }";

fn sum(list: &Value, name: &str) -> u64 {
    list.as_array().expect("a list").iter().map(|it| it[name].as_u64().expect("a number")).sum()
}

#[tokio::test]
async fn hours_and_days_are_counted_and_survive_a_restart() {
    let base = Base::new();
    let server = base.serve();
    let old = "2025-12-30T00:00:00Z";
    let sent = [
        messages::identify("1", old, json!({ "external_id": "u1" }), json!({})),
        messages::identify("2", old, json!({ "line_id": "L1" }), json!({})),
        messages::identify("3", old, json!({ "external_id": "u1", "line_id": "L1" }), json!({})),
    ];
    // In one batch the two would never have been two customers.
    server.ingest(&sent[..2]).await;
    server.ingest(&sent[2..]).await;
    server.ingest(&sent[..1]).await;
    let long = "x".repeat(300);
    let mut nameless = messages::identify("5", old, json!({ "external_id": "u5" }), json!({}));
    nameless["source"] = json!("x".repeat(100));
    let faulty = [messages::identify("4", old, json!({ "external_id": long }), json!({})), nameless];
    let results = server.ingest(&faulty).await;
    assert!(results.iter().all(|result| result["status"] == "REFUSED"), "{results:?}");

    let counted = server.ask(HEALTH, Value::Null).await["health"].take();
    // Old messages say nothing about how late a source is.
    let expected = json!({
        "accepted": 3, "repeated": 1, "refused": 2, "lagSeconds": null, "warnings": ["MANY_DUPLICATES", "MANY_REJECTED"],
    });
    // The hour can end between the first message and the last.
    let hours = counted["hours"].as_array().expect("a list");
    assert_eq!(hours.len(), 168);
    assert_eq!(sum(&counted["hours"], "accepted"), 3, "{counted}");
    if hours[166]["accepted"] == 0 && hours[166]["refused"] == 0 {
        assert_eq!(counted["summary"], expected);
        assert_eq!(counted["refused"].as_array().map(Vec::len), Some(2), "{counted}");
    }
    let days = counted["days"].as_array().expect("a list");
    assert_eq!(days.len(), 7);
    let [.., today] = days.as_slice() else { panic!("a week has days") };
    assert_eq!(today["customers"], 1);
    assert_eq!((sum(&counted["days"], "merged"), sum(&counted["days"], "unmerged")), (1, 0));
    assert_eq!(sum(&counted["days"], "refused"), 2);
    for refused in counted["refused"].as_array().expect("a list") {
        let latest = &refused["latest"][0];
        assert_eq!(latest["sender"], "local");
        assert!(latest["path"].as_str().is_some_and(|path| !path.contains("xx")), "{refused}");
    }
    assert!(!counted.to_string().contains("u5"), "nothing of a message is kept");

    assert_eq!(server.stop(), Some(0));
    let server = base.serve();
    let restored = server.ask(HEALTH, Value::Null).await["health"].take();
    for list in ["hours", "days"] {
        for name in ["accepted", "repeated", "refused"] {
            assert_eq!(sum(&restored[list], name), sum(&counted[list], name), "{name} of {list}");
        }
    }
    assert_eq!(sum(&restored["days"], "merged"), 1);
    assert_eq!(restored["sinceStart"], json!([]));
    server.ingest(&[messages::identify("6", old, json!({ "external_id": "u6" }), json!({}))]).await;
    let grown = server.ask(HEALTH, Value::Null).await["health"].take();
    assert_eq!(sum(&grown["hours"], "accepted"), 4);
    assert_eq!(grown["days"][6]["customers"], 2);
    assert_eq!(server.stop(), Some(0));
    base.check();
}

#[tokio::test]
async fn statistics_need_a_role_that_reads_and_a_period_within_the_week() {
    let base = Base::with(&messages::generated(3, 1));
    let keys = ["INGEST", "READER"].map(|role| base.key(role));
    let mut server = base.serve_with_keys(&[]);
    let [ingest, reader] = &keys;
    server.show(ingest);
    assert_eq!(server.codes(HEALTH, Value::Null).await, ["FORBIDDEN"]);
    server.show(reader);
    assert_eq!(server.codes(HEALTH, Value::Null).await, Vec::<String>::new());
    for hours in [0, -1, 169] {
        let queries = ["summary(hours: HOURS) { accepted }", "refused(hours: HOURS) { code }"];
        for query in queries.map(|field| format!("{{ health {{ {field} }} }}").replace("HOURS", &hours.to_string())) {
            assert_eq!(server.codes(&query, Value::Null).await, ["BAD_USER_INPUT"], "{query}");
        }
    }
}
