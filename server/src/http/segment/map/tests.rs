use chrono::{DateTime, Utc};
use profile360_core::{
    message::parse_message,
    policy::{CompiledPolicy, Policy},
};
use serde_json::{Map, Value, json};

use super::{Call, Received, message_of};

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("it is an object")
}

fn received() -> DateTime<Utc> {
    "2025-03-01T10:00:00Z".parse().expect("it is a time")
}

/// The message of a call, with what is the same in all of them left out.
fn mapped(call: Value) -> Value {
    let call = object(call);
    let kind = call.get("type").and_then(Value::as_str).and_then(Call::of_name);
    let mut message = message_of(kind, &call, &Received::new(received(), None, None)).expect("it is a call");
    let policy = CompiledPolicy::new(Policy::default()).expect("the default policy has no faults");
    let parsed = parse_message(&Value::Object(message.clone()).to_string(), &policy);
    assert!(parsed.is_ok(), "{parsed:?}");
    for field in ["message_id", "timestamp", "source"] {
        message.remove(field);
    }
    Value::Object(message)
}

fn call(kind: &str, rest: Value) -> Value {
    let mut call = object(rest);
    call.insert("type".to_owned(), json!(kind));
    call.insert("messageId".to_owned(), json!("m1"));
    Value::Object(call)
}

#[test]
fn each_call_is_a_message() {
    let table = [
        (
            call(
                "identify",
                json!({ "userId": "u1", "traits": {
                "email": "a@example.com", "phone": "010-1234-5678", "firstName": "Jiwoo", "lastName": "Han", "gender": "F",
                "birthday": "1991-03-14T00:00:00.000Z", "plan": "gold", "age": null, "address": { "city": "Seoul", "zip": null }
            } }),
            ),
            json!({ "type": "identify",
                "identifiers": { "external_id": ["u1"], "email": ["a@example.com"], "phone": ["010-1234-5678"] },
                "attributes": { "df_name": "Jiwoo Han", "firstName": "Jiwoo", "lastName": "Han", "df_gender": "Female",
                    "df_birth": "1991-03-14T00:00:00.000Z", "plan": "gold", "address.city": "Seoul" } }),
        ),
        (
            call(
                "identify",
                json!({ "userId": 17, "anonymousId": "a1", "traits": { "name": "한지우", "df_membership": "VIP" },
                "context": { "externalIds": [{ "id": "k1", "type": "kakao_id", "collection": "users", "encoding": "none" },
                    { "id": "u1", "type": "user_id" }] } }),
            ),
            json!({ "type": "identify", "device": {},
                "identifiers": { "external_id": ["17", "u1"], "device_id": ["a1"], "kakao_id": ["k1"] },
                "attributes": { "df_name": "한지우", "df_membership": "VIP" } }),
        ),
        (
            call(
                "track",
                json!({ "anonymousId": "a1", "event": "Level Up", "properties": { "level": 3 }, "context": {
                "library": { "name": "analytics.js", "version": "5.2" }, "userAgent": "Mozilla/5.0", "ip": "203.0.113.9",
                "locale": "ko-KR", "timezone": "Asia/Seoul", "traits": { "email": "a@example.com" }, "sessionId": 42 } }),
            ),
            json!({ "type": "event", "event": "Level Up", "properties": { "level": 3 }, "platform": "Web", "session_id": "42",
                "identifiers": { "device_id": ["a1"], "email": ["a@example.com"] },
                "device": { "language": "ko-KR", "time_zone": "Asia/Seoul", "library_platform": "analytics.js",
                    "library_version": "5.2", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0" } }),
        ),
        (
            call(
                "track",
                json!({ "userId": "u1", "event": "order completed", "properties": {
                "order_id": "o1", "total": 27.5, "revenue": 25, "shipping": 2.5, "currency": "USD", "coupon": "SPRING",
                "products": [{ "product_id": "p1", "sku": "s1", "name": "Tea", "price": 10, "quantity": 2, "category": "Food" },
                    { "sku": "s2", "price": 5 }] } }),
            ),
            json!({ "type": "event", "event": "df_purchase", "identifiers": { "external_id": ["u1"] }, "properties": {
                "df_order_id": "o1", "df_total_purchase_amount": 27.5, "revenue": 25, "df_delivery_charge": 2.5,
                "df_currency": "USD", "coupon": "SPRING", "df_items": [
                    { "df_item_id": "p1", "sku": "s1", "df_item_name": "Tea", "df_price": 10, "df_quantity": 2, "df_category1": "Food" },
                    { "df_item_id": "s2", "df_price": 5 }] } }),
        ),
        (
            call(
                "track",
                json!({ "userId": "u1", "event": "Order Refunded", "properties": { "order_id": "o1", "total": 5 } }),
            ),
            json!({ "type": "event", "event": "df_refund", "identifiers": { "external_id": ["u1"] },
                "properties": { "df_order_id": "o1", "df_total_refund_amount": 5 } }),
        ),
        (
            call(
                "track",
                json!({ "userId": "u1", "event": "Order Cancelled",
                "properties": { "order_id": "o1", "products": [{ "product_id": "p1", "price": 5 }] } }),
            ),
            json!({ "type": "event", "event": "df_refund", "identifiers": { "external_id": ["u1"] },
                "properties": { "df_order_id": "o1", "df_items": [{ "df_item_id": "p1", "df_price": 5 }] } }),
        ),
        (
            call(
                "page",
                json!({ "anonymousId": "a1", "name": "Home", "properties": { "url": "https://shop.example" } }),
            ),
            json!({ "type": "event", "event": "page_view", "identifiers": { "device_id": ["a1"] }, "device": {},
                "properties": { "url": "https://shop.example", "name": "Home" } }),
        ),
        (
            call(
                "screen",
                json!({ "userId": "u1", "anonymousId": "a1", "name": "Cart", "context": {
                "device": { "type": "ios", "model": "iPhone17,1" }, "os": { "name": "iOS", "version": "19.1" },
                "network": { "carrier": "SKT" }, "location": { "city": "서울" } } }),
            ),
            json!({ "type": "event", "event": "screen_view", "platform": "iOS", "properties": { "name": "Cart" },
                "identifiers": { "external_id": ["u1"], "device_id": ["a1"] },
                "device": { "model": "iPhone17,1", "os": "iOS", "os_version": "19.1", "carrier": "SKT", "city": "서울" } }),
        ),
        (
            call("alias", json!({ "userId": "u1", "previousId": "a1" })),
            json!({ "type": "alias", "identifiers": { "external_id": ["u1"], "device_id": ["a1"] }, "device": {} }),
        ),
        (
            call("group", json!({ "userId": "u1", "groupId": "g1", "traits": { "name": "Acme", "employees": 9 } })),
            json!({ "type": "identify", "identifiers": { "external_id": ["u1"] },
                "attributes": { "group_id": "g1", "group.name": "Acme", "group.employees": 9 } }),
        ),
    ];
    for (call, message) in table {
        assert_eq!(mapped(call.clone()), message, "{call}");
    }
    let unknown = message_of(None, &Map::new(), &Received::new(received(), None, None));
    assert_eq!(unknown.map_err(|it| it.code.as_str()), Err("UNKNOWN_TYPE"));
}

#[test]
fn a_clock_that_is_wrong_is_corrected_and_a_slow_way_is_not() {
    // When it was sent and when it happened, by the sender's clock: when it happened by ours.
    let table = [
        (None, Some("2025-03-01T08:00:00Z"), "2025-03-01T08:00:00+00:00"),
        (Some("2025-03-01T09:59:55Z"), Some("2025-03-01T08:00:00Z"), "2025-03-01T08:00:00+00:00"),
        (Some("2025-03-01T12:00:00Z"), Some("2025-03-01T11:59:00Z"), "2025-03-01T09:59:00+00:00"),
        (Some("2025-03-01T18:00:00+09:00"), Some("2025-03-01T17:30:00+09:00"), "2025-03-01T09:30:00+00:00"),
        (Some("2025-03-01T12:00:00Z"), None, "2025-03-01T10:00:00+00:00"),
        (Some("2025-03-01T12:00:00Z"), Some("yesterday"), "yesterday"),
        (Some("noon"), Some("2025-03-01T08:00:00Z"), "2025-03-01T08:00:00+00:00"),
    ];
    for (sent_at, original, at) in table {
        let sent_at = sent_at.map(Value::from);
        let received = Received::new(received(), sent_at.as_ref(), None);
        let call = object(json!({ "messageId": "m1", "userId": "u1", "originalTimestamp": original }));
        let message = message_of(Some(Call::Identify), &call, &received).expect("it is a call");
        assert_eq!(message["timestamp"], at, "{sent_at:?} {original:?}");
    }
}
