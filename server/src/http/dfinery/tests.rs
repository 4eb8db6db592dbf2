use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{event_of, identity_of};

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("it is an object")
}

fn now() -> DateTime<Utc> {
    "2025-03-01T10:00:00Z".parse().expect("it is a time")
}

#[test]
fn an_identity_is_a_message() {
    let identity = json!({ "external_id": "u1", "phone_no": "821012345678" });
    let plain = object(json!({ "identity": identity, "request_datetime": "2024-06-24T06:01:48.501Z" }));
    let message = json!({ "type": "alias", "timestamp": "2024-06-24T06:01:48.501Z", "source": "dfinery", "platform": "API",
        "identifiers": identity });
    assert_eq!(Value::Object(identity_of(&plain, now())), message);
    let known = object(json!({ "identity": identity, "user_properties": { "df_name": "하나" } }));
    let message = json!({ "type": "identify", "timestamp": "2025-03-01T10:00:00+00:00", "source": "dfinery", "platform": "API",
        "identifiers": identity, "attributes": { "df_name": "하나" } });
    assert_eq!(Value::Object(identity_of(&known, now())), message);
}

#[test]
fn an_event_is_a_message_under_either_of_its_names() {
    let sent = object(json!({ "identity": { "external_id": "u1" }, "request_datetime": "2024-06-24T06:01:48.501Z" }));
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
    ];
    for (n, (event, at, properties)) in table.into_iter().enumerate() {
        let message = json!({ "type": "event", "event": "df_purchase", "timestamp": at, "source": "dfinery", "platform": "API",
            "identifiers": { "external_id": "u1" }, "properties": properties, "position": n });
        assert_eq!(Value::Object(event_of(&sent, &event, n, now())), message);
    }
    let named = event_of(&sent, &json!({ "name": "a", "event_id": "e1" }), 3, now());
    assert_eq!((named.get("message_id"), named.get("position")), (Some(&json!("e1")), None));
}
