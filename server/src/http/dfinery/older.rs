//! The older form of an event: `event_attributes` and `user_attributes`, one event a call.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{event_of, first_of};

/// What names mean there, of an order and of its items.
const ORDER: [(&str, &str); 5] = [
    ("order_id", "df_order_id"),
    ("refund_id", "df_refund_id"),
    ("order_sales", "df_total_purchase_amount"),
    ("payment_method", "df_payment_method"),
    ("discount", "df_discount"),
];
const ITEM: [(&str, &str); 10] = [
    ("product_id", "df_item_id"),
    ("product_name", "df_item_name"),
    ("price", "df_price"),
    ("quantity", "df_quantity"),
    ("discount", "df_discount"),
    ("category1", "df_category1"),
    ("category2", "df_category2"),
    ("category3", "df_category3"),
    ("category4", "df_category4"),
    ("category5", "df_category5"),
];
/// What the event's own fields are; everything else is a property.
const OWN: [&str; 4] = ["event_id", "event_name", "event_datetime", "items"];

/// The messages of a call of that form; none where it is of the newer one.
pub(super) fn messages(sent: &Map<String, Value>, now: DateTime<Utc>) -> Option<Vec<Map<String, Value>>> {
    let event = first_of(sent, &["event_attributes"])?.as_object()?;
    let none = Map::new();
    let user = first_of(sent, &["user_attributes"]).and_then(Value::as_object).unwrap_or(&none);
    let mut identity = first_of(sent, &["identity"]).and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(id) = first_of(user, &["user_id"]) {
        identity.entry("external_id").or_insert_with(|| id.clone());
    }

    let mut properties: Map<String, Value> = event.clone();
    properties.retain(|name, _| !OWN.contains(&name.as_str()));
    rename(&mut properties, &ORDER);
    let items = first_of(event, &["items"]).and_then(Value::as_array);
    let items = items.map(|items| items.iter().map(item).collect::<Value>());
    let name = match first_of(event, &["event_name"]).and_then(Value::as_str) {
        Some("purchase") => json!("df_purchase"),
        Some("refund") => json!("df_refund"),
        _ => event.get("event_name").cloned().unwrap_or_default(),
    };
    let call = [
        ("identity", Value::Object(identity)),
        ("request_datetime", sent.get("request_datetime").cloned().unwrap_or_default()),
    ];
    let call: Map<String, Value> = call.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let event = json!({
        "event_id": event.get("event_id"), "event_name": name, "event_datetime": event.get("event_datetime"),
        "event_properties": properties, "event_items": items,
    });
    let message = event_of(&call, &event, 0, now);

    // Who the event is of is said beside it, and is a message of its own.
    let mut attributes = user.clone();
    attributes.remove("user_id");
    rename(&mut attributes, &[("user_name", "df_name")]);
    if attributes.is_empty() {
        return Some(vec![message]);
    }
    let same = ["timestamp", "source", "platform", "identifiers"];
    let mut who: Map<String, Value> =
        same.iter().filter_map(|it| Some(((*it).to_owned(), message.get(*it)?.clone()))).collect();
    who.insert("type".to_owned(), json!("identify"));
    who.insert("attributes".to_owned(), Value::Object(attributes));
    Some(vec![who, message])
}

fn item(sent: &Value) -> Value {
    let mut item = sent.clone();
    if let Value::Object(fields) = &mut item {
        rename(fields, &ITEM);
    }
    item
}

fn rename(fields: &mut Map<String, Value>, names: &[(&str, &str)]) {
    for (there, here) in names {
        if let Some(value) = fields.remove(*there) {
            fields.insert((*here).to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_the_older_form_is_an_event_and_who_it_is_of() {
        let sent = json!({
            "event_attributes": {
                "event_id": "0f8b", "event_name": "purchase", "event_datetime": 1_719_208_800_000_i64, "order_id": "o1",
                "order_sales": 25_800, "payment_method": "CARD", "channel": "store",
                "items": [{ "product_id": "p1", "product_name": "차", "category1": "식품", "quantity": 2, "price": 12_900 }],
            },
            "user_attributes": { "user_id": "u1", "user_name": "하나" },
        });
        let sent = sent.as_object().expect("an object");
        let messages = messages(sent, DateTime::UNIX_EPOCH).expect("it is of the older form");
        let common = json!({ "timestamp": "2024-06-24T06:00:00+00:00", "source": "dfinery", "platform": "API", "identifiers": { "external_id": "u1" } });
        let with = |more: Value| {
            let mut all = common.clone();
            if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
                all.extend(more);
            }
            all
        };
        let properties = json!({
            "df_order_id": "o1", "df_total_purchase_amount": 25_800, "df_payment_method": "CARD", "channel": "store",
            "df_items": [{ "df_item_id": "p1", "df_item_name": "차", "df_category1": "식품", "df_quantity": 2, "df_price": 12_900 }],
        });
        assert_eq!(
            json!(messages),
            json!([
                with(json!({ "type": "identify", "attributes": { "df_name": "하나" } })),
                with(
                    json!({ "type": "event", "event": "df_purchase", "message_id": "0f8b", "properties": properties })
                ),
            ])
        );
        assert_eq!(super::messages(&Map::new(), DateTime::UNIX_EPOCH), None);
    }
}
