use chrono::{DateTime, Utc};
use profile360_core::message::syntax::Object;
use serde_json::{Value, json};

use super::{CallOf, Made, event_of, identity_of};
use crate::http::raw_json::made_as_value;

fn object(text: &str) -> Object<'_> {
    serde_json::from_str(text).expect("it is an object")
}

fn now() -> DateTime<Utc> {
    "2025-03-01T10:00:00Z".parse().expect("it is a time")
}

fn identity(sent: &Value) -> Value {
    made_as_value(identity_of(&object(&sent.to_string()), now()))
}

#[test]
fn an_identity_is_a_message() {
    let identifiers = json!({ "external_id": "u1", "phone_no": "821012345678" });
    let plain = json!({ "identity": identifiers, "request_datetime": "2024-06-24T06:01:48.501Z" });
    let message = json!({ "type": "alias", "timestamp": "2024-06-24T06:01:48.501Z", "source": "dfinery", "platform": "API",
        "identifiers": identifiers });
    assert_eq!(identity(&plain), message);
    let known = json!({ "identity": identifiers, "user_properties": { "df_name": "하나", "grade": null } });
    let message = json!({ "type": "identify", "timestamp": "2025-03-01T10:00:00+00:00", "source": "dfinery", "platform": "API",
        "identifiers": identifiers, "attributes": { "df_name": "하나", "grade": null } });
    assert_eq!(identity(&known), message);
}

#[test]
fn an_event_is_a_message_under_either_of_its_names() {
    let identity = serde_json::from_str(r#"{ "external_id": "u1" }"#).expect("it is JSON");
    let at = serde_json::from_str("\"2024-06-24T06:01:48.501Z\"").expect("it is JSON");
    let sent = CallOf { identity: Some(identity), at: Some(at) };
    let items = json!([{ "df_item_id": "p1", "df_price": 1000 }]);
    let table = [
        (
            json!({ "event_name": "df_purchase", "event_datetime": "2024-06-24T06:00:00Z", "event_items": items,
                "event_properties": { "df_order_id": "o1" } }),
            "2024-06-24T06:00:00Z",
            json!({ "df_order_id": "o1", "df_items": items }),
        ),
        (
            json!({ "name": "df_purchase", "datetime": 1_719_208_800_000_u64, "items": items, "properties": { "df_order_id": "o1" } }),
            "2024-06-24T06:00:00+00:00",
            json!({ "df_order_id": "o1", "df_items": items }),
        ),
        (json!({ "name": "df_purchase" }), "2024-06-24T06:01:48.501Z", json!({})),
        // In seconds; empty.
        (json!({ "name": "df_purchase", "datetime": 1_719_208_800 }), "2024-06-24T06:00:00+00:00", json!({})),
        (json!({ "name": "df_purchase", "datetime": "" }), "2024-06-24T06:01:48.501Z", json!({})),
        (json!({ "name": "df_purchase", "properties": "none" }), "2024-06-24T06:01:48.501Z", json!("none")),
    ];
    for (n, (event, at, properties)) in table.into_iter().enumerate() {
        let message = json!({ "type": "event", "event": "df_purchase", "timestamp": at, "source": "dfinery", "platform": "API",
            "identifiers": { "external_id": "u1" }, "properties": properties });
        let text = event.to_string();
        let made: Made<'_> = event_of(&sent, &object(&text), n, now());
        assert_eq!(made.position, Some(n));
        assert_eq!(made_as_value(made), message);
    }
    let named = event_of(&sent, &object(r#"{ "name": "a", "event_id": "e1" }"#), 3, now());
    assert_eq!(named.position, None);
    assert_eq!(made_as_value(named)["message_id"], "e1");
}
