//! The older form of an event: `event_attributes` and `user_attributes`, one event a call.

use chrono::{DateTime, Utc};
use profile360_core::message::syntax::Object;
use serde_json::value::RawValue;

use super::{CallOf, Named, first_of, made_of};
use crate::http::raw_json::{Json, Made, inner, rename, text};

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

/// The messages of a call of that form.
pub(super) fn messages<'c>(sent: &Object<'c>, now: DateTime<Utc>) -> Vec<Made<'c>> {
    let of_event = first_of(sent, &["event_attributes"]);
    let of_user = first_of(sent, &["user_attributes"]);
    let event = inner(of_event).unwrap_or_else(|| Object(Vec::new()));
    let user = inner(of_user);
    let id = user.as_ref().and_then(|user| first_of(user, &["user_id"]));

    let properties = match of_event.map(Json::opened) {
        Some(Json::Object(mut properties)) => {
            properties.retain(|(name, _)| !OWN.contains(&name.as_ref()));
            rename(&mut properties, &ORDER);
            Json::Object(properties)
        }
        other => other.unwrap_or(Json::NOTHING),
    };
    let named = Named {
        id: first_of(&event, &["event_id"]),
        name: first_of(&event, &["event_name"]).map(|name| match text(name).as_deref() {
            Some("purchase") => Json::of_text("df_purchase"),
            Some("refund") => Json::of_text("df_refund"),
            _ => Json::Sent(name),
        }),
        at: first_of(&event, &["event_datetime"]),
    };
    let call = CallOf { identity: None, at: first_of(sent, &["request_datetime"]) };
    let mut message = made_of(&call, named, properties, first_of(&event, &["items"]).map(items_of), 0, now);
    identify(&mut message, first_of(sent, &["identity"]), id);

    // Who the event is of is said next to it, and is a message of its own.
    let attributes = match of_user.map(Json::opened) {
        None => return vec![message],
        Some(Json::Object(mut attributes)) => {
            attributes.retain(|(name, _)| name != "user_id");
            rename(&mut attributes, &[("user_name", "df_name")]);
            if attributes.is_empty() {
                return vec![message];
            }
            Json::Object(attributes)
        }
        // The reader of the message says what is wrong with it.
        Some(other) => other,
    };
    let same = ["timestamp", "source", "platform", "identifiers"];
    let mut who = Made::default();
    who.message.extend(message.message.iter().filter(|(name, _)| same.contains(&name.as_ref())).cloned());
    who.add("type", Json::of_text("identify"));
    who.add("attributes", attributes);
    vec![who, message]
}

/// Puts the identity and the user's ID, which is an external one where the identity names none, into a message.
fn identify<'c>(message: &mut Made<'c>, identity: Option<&'c RawValue>, id: Option<&'c RawValue>) {
    let mut identifiers = identity.map_or(Json::NOTHING, Json::opened);
    if let (Json::Object(fields), Some(id)) = (&mut identifiers, id)
        && !fields.iter().any(|(name, _)| name == "external_id")
    {
        fields.push(("external_id".into(), Json::Sent(id)));
    }
    for (name, value) in &mut message.message {
        if name == "identifiers" {
            *value = identifiers.clone();
        }
    }
}

/// The items. A value that is not a list stays, and the parser of the message reports it.
fn items_of(sent: &RawValue) -> Json<'_> {
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(sent.get()) else { return Json::Sent(sent) };
    let items = items.into_iter().map(|item| {
        let mut item = Json::opened(item);
        if let Json::Object(fields) = &mut item {
            rename(fields, &ITEM);
        }
        item
    });
    Json::List(items.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::http::raw_json::made_as_value;

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
        let text = sent.to_string();
        let sent = serde_json::from_str(&text).expect("an object");
        let messages: Vec<Value> = messages(&sent, DateTime::UNIX_EPOCH).into_iter().map(made_as_value).collect();
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
    }
}
