use chrono::{DateTime, Utc};
use profile360_core::{
    message::{parse::parse_message, syntax::Object},
    policy::{compiled::CompiledPolicy, document::Policy},
};
use serde_json::{Map, Value, json, value::RawValue};

use super::{Call, Received, message_of};
use crate::http::raw_json::made_as_value;

fn received() -> DateTime<Utc> {
    "2025-03-01T10:00:00Z".parse().expect("it is a time")
}

fn read(text: &str) -> Object<'_> {
    serde_json::from_str(text).expect("it is an object")
}

/// The message of a call as it is written, and the paths of what was left out.
fn made(call: &str) -> (Map<String, Value>, Vec<String>) {
    let call = read(call);
    let kind = call.get("type").and_then(super::text).as_deref().and_then(Call::of_name);
    let made = message_of(kind, &call, &Received::of(received(), None, None)).expect("it is a call");
    let warnings = made.warnings.iter().map(|it| it.path.clone()).collect();
    let Value::Object(message) = made_as_value(made) else { panic!("a message is an object") };
    (message, warnings)
}

/// The message of a call, with what is the same in all of them left out.
fn mapped(call: &Value) -> Value {
    let (mut message, warnings) = made(&call.to_string());
    assert_eq!(warnings, [""; 0], "{call}");
    let policy = CompiledPolicy::new(Policy::default()).expect("the default policy has no faults");
    let parsed = parse_message(&Value::Object(message.clone()).to_string(), &policy);
    assert!(parsed.is_ok(), "{parsed:?}");
    for field in ["message_id", "timestamp", "source"] {
        message.remove(field);
    }
    Value::Object(message)
}

fn call(kind: &str, rest: Value) -> Value {
    let mut call = rest;
    call["type"] = json!(kind);
    call["messageId"] = json!("m1");
    call
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
                    "df_birth": "1991-03-14T00:00:00.000Z", "plan": "gold", "age": null, "address.city": "Seoul", "address.zip": null } }),
        ),
        (
            call(
                "identify",
                json!({ "userId": 17, "anonymousId": "a1", "traits": { "name": "한지우", "df_membership": "VIP" },
                "context": { "externalIds": [{ "id": "k1", "type": "kakao_id", "collection": "users", "encoding": "none" },
                    { "id": "u1", "type": "user_id" }] } }),
            ),
            json!({ "type": "identify", "device": {},
                "identifiers": { "external_id": [17, "u1"], "device_id": ["a1"], "kakao_id": ["k1"] },
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
                json!({ "userId": "u1", "event": "Order Refunded",
                "properties": { "order_id": "o1", "refund_id": "r1", "total": 5 } }),
            ),
            json!({ "type": "event", "event": "df_refund", "identifiers": { "external_id": ["u1"] },
                "properties": { "df_order_id": "o1", "df_refund_id": "r1", "df_total_refund_amount": 5 } }),
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
        // RudderStack's SDKs put the traits of a customer into the context.
        (
            call(
                "identify",
                json!({ "userId": "u1", "anonymousId": "", "channel": "server",
                "context": { "traits": { "plan": "silver", "name": "Han", "email": "a@example.com" } },
                "traits": { "plan": "gold", "company": { "address": { "city": null } } } }),
            ),
            json!({ "type": "identify", "platform": "API",
                "identifiers": { "external_id": ["u1"], "email": ["a@example.com"] },
                "attributes": { "df_name": "Han", "plan": "gold", "company.address.city": null } }),
        ),
        // What PHP writes for objects of nothing.
        (
            call("track", json!({ "userId": "u1", "event": "Level Up", "properties": [], "context": [] })),
            json!({ "type": "event", "event": "Level Up", "identifiers": { "external_id": ["u1"] }, "properties": {} }),
        ),
        (
            call(
                "identify",
                json!({ "userId": "u1", "traits": { "firstName": null, "lastName": null, "gender": null } }),
            ),
            json!({ "type": "identify", "identifiers": { "external_id": ["u1"] },
                "attributes": { "firstName": null, "lastName": null, "df_name": null, "df_gender": null } }),
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
        assert_eq!(mapped(&call), message, "{call}");
    }
    let unknown = message_of(None, &read("{}"), &Received::of(received(), None, None));
    assert_eq!(unknown.map(|_| ()).map_err(|it| it.code.as_str()), Err("UNKNOWN_TYPE"));
}

#[test]
fn a_wrong_clock_is_corrected_and_a_slow_network_is_not() {
    // When it was sent and when it happened, by the sender's clock: when it happened by ours.
    let table = [
        (None, Some("2025-03-01T08:00:00Z"), "2025-03-01T08:00:00+00:00"),
        (Some("2025-03-01T09:59:55Z"), Some("2025-03-01T08:00:00Z"), "2025-03-01T08:00:00+00:00"),
        (Some("2025-03-01T12:00:00Z"), Some("2025-03-01T11:59:00Z"), "2025-03-01T09:59:00+00:00"),
        (Some("2025-03-01T18:00:00+09:00"), Some("2025-03-01T17:30:00+09:00"), "2025-03-01T09:30:00+00:00"),
        (Some("2025-03-01T12:00:00Z"), None, "2025-03-01T10:00:00+00:00"),
        (Some("2025-03-01T12:00:00Z"), Some("yesterday"), "yesterday"),
        (Some("noon"), Some("2025-03-01T08:00:00Z"), "2025-03-01T08:00:00+00:00"),
        // A day is what a clock can be off.
        (Some("2025-03-02T10:00:20Z"), Some("2025-03-02T09:59:20Z"), "2025-03-01T09:59:00+00:00"),
        (Some("2025-02-28T10:00:00Z"), Some("2025-02-28T09:59:00Z"), "2025-03-01T09:59:00+00:00"),
    ];
    for (sent_at, original, at) in table {
        assert_eq!(timed(&json!(sent_at), &json!(original)), (json!(at), false), "{sent_at:?} {original:?}");
    }
}

/// The time of a call's message, and whether it has a warning about the sender's clock.
fn timed(sent_at: &Value, original: &Value) -> (Value, bool) {
    let sent_at = RawValue::from_string(sent_at.to_string()).expect("it is JSON");
    let received = Received::of(received(), Some(&sent_at), None);
    let call = json!({ "messageId": "m1", "userId": "u1", "originalTimestamp": original }).to_string();
    let made = message_of(Some(Call::Identify), &read(&call), &received).expect("it is a call");
    let is_warned = made.warnings.iter().any(|warning| warning.code == "CLOCK_OFF");
    (made_as_value(made)["timestamp"].clone(), is_warned)
}

#[test]
fn a_clock_that_is_off_by_more_than_a_day_corrects_nothing_and_is_reported() {
    let table = [
        // Stored a year ago and sent again.
        ("2024-05-01T00:00:05Z", "2024-05-01T00:00:00Z", "2024-05-01T00:00:00+00:00"),
        ("2025-02-28T09:00:00Z", "2025-02-28T08:00:00Z", "2025-02-28T08:00:00+00:00"),
        ("1970-01-01T00:00:30Z", "2025-03-01T09:00:00Z", "2025-03-01T09:00:00+00:00"),
        // A time that is as far ahead as the clock is explained by it; another one is not.
        ("2099-01-01T00:00:00Z", "2098-12-31T23:00:00Z", "2025-03-01T09:00:00+00:00"),
        ("2099-01-01T00:00:00Z", "2025-02-01T00:00:00Z", "2025-02-01T00:00:00+00:00"),
    ];
    for (sent_at, original, at) in table {
        assert_eq!(timed(&json!(sent_at), &json!(original)), (json!(at), true), "{sent_at} {original}");
    }
    assert_eq!(timed(&json!("2024-05-01T00:00:05Z"), &json!(null)), (json!("2025-03-01T10:00:00+00:00"), false));
}

#[test]
fn times_that_are_numbers_are_read_in_their_unit() {
    let eight = json!("2025-03-01T08:00:00+00:00");
    for original in [json!(1_740_816_000), json!("1740816000"), json!(1_740_816_000_000_u64), json!(1_740_816_000.0)] {
        assert_eq!(timed(&json!(null), &original), (eight.clone(), false), "{original}");
        // By a clock that is two hours ahead.
        assert_eq!(timed(&json!(1_740_830_400), &original), (json!("2025-03-01T06:00:00+00:00"), false), "{original}");
    }
    for original in [json!(1_740_816), json!("2025-03-01"), json!(true)] {
        assert_eq!(timed(&json!(null), &original).0, original, "the parser of the message reports it");
    }
}

#[test]
fn a_time_that_a_server_was_given_counts_and_not_when_it_was_called() {
    let call = json!({ "type": "track", "messageId": "m1", "userId": "u1", "event": "x", "channel": "server",
        "timestamp": "2024-01-10T03:00:00Z", "originalTimestamp": "2025-03-01T10:00:00Z" });
    assert_eq!(made(&call.to_string()).0["timestamp"], "2024-01-10T03:00:00+00:00");
}

#[test]
fn an_empty_original_time_is_none() {
    for empty in [json!(null), json!(""), json!("  "), json!(0), json!("0001-01-01T00:00:00Z")] {
        let received = Received::of(received(), None, None);
        let both = json!({ "userId": "u1", "originalTimestamp": empty, "timestamp": "2025-03-01T08:00:00Z" });
        let neither = json!({ "userId": "u1", "originalTimestamp": empty, "timestamp": empty });
        for (call, at) in [(both, "2025-03-01T08:00:00+00:00"), (neither, "2025-03-01T10:00:00+00:00")] {
            let call = call.to_string();
            let made = message_of(Some(Call::Identify), &read(&call), &received).expect("it is a call");
            assert_eq!(made_as_value(made)["timestamp"], at, "{empty}");
        }
    }
}

#[test]
fn what_is_of_a_wrong_type_is_warned_and_never_dropped() {
    let policy = CompiledPolicy::new(Policy::default()).expect("the default policy has no faults");
    let track = |more: &str| {
        format!(r#"{{"type":"track","messageId":"m1","userId":"u1","anonymousId":"a1","event":"x",{more}}}"#)
    };
    let identify = |more: &str| format!(r#"{{"type":"identify","messageId":"m1","anonymousId":"a1",{more}}}"#);
    // The call, and the path of the warning.
    let table = [
        (identify(r#""userId":{"$oid":"65f0"}"#), "identifiers.external_id[0]"),
        (identify(r#""userId":["1002"]"#), "identifiers.external_id[0]"),
        (identify(r#""userId":true"#), "identifiers.external_id[0]"),
        (identify(&format!(r#""userId":"{}""#, "x".repeat(1_100))), "identifiers.external_id[0]"),
        (identify(r#""traits":{"email":["a@example.com"]}"#), "identifiers.email[0]"),
        (identify(r#""traits":{"email":null}"#), "identifiers.email[0]"),
        (identify(r#""traits":{"tags":[{"a":1}]}"#), "attributes.tags"),
        (identify(r#""traits":{"birthday":19910314}"#), "attributes.df_birth"),
        (identify(r#""traits":{"score":12345678901234567890123}"#), "attributes.score"),
        (track(r#""context":{"externalIds":[{"id":{"$oid":"1"},"type":"kakao_id"}]}"#), "identifiers.kakao_id[0]"),
        (track(r#""context":{"externalIds":[{"id":"1"}]}"#), "context.externalIds[0]"),
        (track(r#""context":{"externalIds":"1"}"#), "context.externalIds"),
        (track(r#""context":"x""#), "context"),
        (track(r#""context":{"os":"iOS"}"#), "context.os"),
        (track(r#""context":{"os":{"name":["iOS"]}}"#), "device.os"),
        (track(r#""context":{"sessionId":{}}"#), "context.sessionId"),
        (track(&format!(r#""context":{{"library":{{"name":"{}"}}}}"#, "x".repeat(100))), "context.library.name"),
        (track(r#""properties":{"a":1,"a":2}"#), "properties.a"),
    ];
    for (call, path) in table {
        let (message, warnings) = made(&call);
        // A number keeps the digits of the call.
        let mut text = Value::Object(message).to_string();
        if call.contains("1234567890123456789012") {
            text = text.replace("1.2345678901234568e+22", "12345678901234567890123");
        }
        if path == "properties.a" {
            text = text.replace("\"a\":2", "\"a\":1,\"a\":2");
        }
        let accepted = parse_message(&text, &policy).unwrap_or_else(|refusal| panic!("{call}: {refusal}"));
        let warned: Vec<&str> =
            accepted.warnings.iter().map(|it| it.path.as_str()).chain(warnings.iter().map(String::as_str)).collect();
        assert_eq!(warned, [path], "{call}");
    }
    for (call, path) in [
        (track(r#""properties":"x""#), "properties"),
        (identify(r#""traits":["x"]"#), "attributes"),
        (track(r#""timestamp":["x"]"#), "timestamp"),
        (
            track(r#""products":1"#)
                .replace("\"x\"", "\"Order Completed\"")
                .replace("\"products\":1", "\"properties\":{\"products\":1}"),
            "properties.df_items",
        ),
    ] {
        let refusal = parse_message(&Value::Object(made(&call).0).to_string(), &policy).expect_err(&call);
        assert_eq!(refusal.path, path, "{call}");
    }
}
