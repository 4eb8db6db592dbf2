//! Messages, in the forms of files and of GraphQL.

use std::{fmt::Write, fs};

use serde_json::{Map, Value, json};

use crate::{Base, Ran};

/// Ingests messages and returns everything about each.
pub const INGEST: &str = "mutation($messages: [MessageInput!]!) {
    ingest(messages: $messages) {
        results { messageId status unifiedId code path detail warnings { code path detail } }
    }
}";

/// An `identify` message of the CRM.
pub fn identify(id: &str, at: &str, identifiers: Value, attributes: Value) -> Value {
    json!({
        "message_id": id, "type": "identify", "timestamp": at, "source": "crm", "identifiers": identifiers,
        "attributes": attributes,
    })
}

/// An event of the shop's page.
pub fn event(id: &str, at: &str, identifiers: Value, name: &str, properties: Value) -> Value {
    json!({
        "message_id": id, "type": "event", "timestamp": at, "source": "web", "platform": "Web", "identifiers": identifiers,
        "event": name, "properties": properties,
    })
}

/// A purchase of one thing.
pub fn purchase(id: &str, at: &str, identifiers: Value, order_id: &str, amount: &str) -> Value {
    let items = json!([{ "df_item_id": "P1", "df_item_name": "차", "df_price": amount, "df_category1": "식품" }]);
    event(id, at, identifiers, "df_purchase", json!({ "df_order_id": order_id, "df_items": items }))
}

/// Messages as a file, one per line.
pub fn ndjson(messages: &[Value]) -> String {
    messages.iter().fold(String::new(), |mut text, it| {
        // Writing to a string cannot fail.
        writeln!(text, "{it}").ok();
        text
    })
}

/// A message of a file as GraphQL input.
pub fn input(message: &Value) -> Value {
    let mut input = Map::new();
    for (name, value) in message.as_object().expect("a message is an object") {
        let (name, value) = match (name.as_str(), value) {
            ("message_id", value) => ("messageId", value.clone()),
            ("session_id", value) => ("sessionId", value.clone()),
            ("type" | "platform", Value::String(code)) => (name.as_str(), json!(code.to_uppercase())),
            ("identifiers", Value::Object(kinds)) => {
                ("identifiers", kinds.iter().flat_map(identifier_inputs).collect())
            }
            (name, value) => (name, value.clone()),
        };
        input.insert(name.to_owned(), value);
    }
    Value::Object(input)
}

fn identifier_inputs((kind, values): (&String, &Value)) -> Vec<Value> {
    let values = values.as_array().cloned().unwrap_or_else(|| vec![values.clone()]);
    values.into_iter().map(|value| json!({ "kind": kind, "value": value })).collect()
}

/// Messages of made-up customers in the order of arrival, deterministic per seed.
pub fn generated(customers: u32, seed: u32) -> String {
    let folder = Base::new();
    let (customers, seed) = (customers.to_string(), seed.to_string());
    let Ran { status, stderr, .. } = folder.run(&[
        "generate",
        "--profiles",
        &customers,
        "--seed",
        &seed,
        "--until",
        "2025-12-31",
        "--out",
        "out",
        "--truth",
        "truth",
    ]);
    assert_eq!(status, Some(0), "{stderr}");
    fs::read_to_string(folder.path("out")).expect("it was written")
}

/// The same lines in another order.
pub fn shuffled(lines: &str) -> String {
    const STRIDE: usize = 7;
    let lines: Vec<&str> = lines.lines().rev().collect();
    let mut text = String::new();
    for first in 0..STRIDE {
        for line in lines.iter().skip(first).step_by(STRIDE) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// The first bytes of a text of ASCII letters, as people type the beginning of an ID.
#[track_caller]
pub fn beginning(text: &str, n: usize) -> &str {
    text.get(..n).expect("the text is long enough")
}
