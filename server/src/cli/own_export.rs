//! Converts lines of an export of this program into messages, with time, source and identifier of each value. Exports contain only
//! figures of purchases and events, so these cannot be imported.

use std::collections::BTreeMap;

use profile360_core::message::{limits::MAX_IDENTIFIERS, refusal::Warning};
use profile360_ingest::framing::made_id;
use serde_json::{Map, Value, json};

/// The source of values that have none in the export.
const SOURCE: &str = "export";

/// The name of each field of a device in an export, and in a message.
const DEVICE_FIELDS: [(&str, &str); 13] = [
    ("model", "model"),
    ("os", "os"),
    ("osVersion", "os_version"),
    ("browser", "browser"),
    ("browserVersion", "browser_version"),
    ("carrier", "carrier"),
    ("language", "language"),
    ("timeZone", "time_zone"),
    ("country", "country"),
    ("region", "region"),
    ("city", "city"),
    ("libraryPlatform", "library_platform"),
    ("libraryVersion", "library_version"),
];

/// An identifier by kind and value.
type Identifier<'l> = (&'l str, &'l str);

/// The messages of a line of an export, with warnings for omitted parts. `None` for other lines.
pub(super) fn messages_of(line: &str) -> Option<(Vec<String>, Vec<Warning>)> {
    if !line.contains("\"unifiedId\"") {
        return None;
    }
    let line: Value = serde_json::from_str(line).ok()?;
    let identifiers = line.get("identifiers")?.as_array()?;
    let last_updated_at = line.get("activity")?.get("lastUpdatedAt")?.as_str()?;
    let mut usable: Vec<Identifier<'_>> = Vec::new();
    let mut warnings = Vec::new();
    // One message per identifier, time and source.
    let mut said: BTreeMap<(&str, &str, Identifier<'_>), Map<String, Value>> = BTreeMap::new();
    for (n, identifier) in identifiers.iter().enumerate() {
        let named = identifier_of(identifier)?;
        // Linking by shared values again would join strangers.
        if identifier["shared"] == true || !identifier["retiredAt"].is_null() {
            warnings.push(Warning {
                code: "IDENTIFIER_BLOCKED",
                path: format!("identifiers[{n}]"),
                detail: "the export says that it is shared, or that it was retired; it was left out".to_owned(),
            });
            continue;
        }
        usable.push(named);
        let source = identifier["sources"][0].as_str().unwrap_or(SOURCE);
        said.entry((identifier["firstSeenAt"].as_str().unwrap_or(last_updated_at), source, named)).or_default();
    }
    for attribute in line["attributes"].as_array().into_iter().flatten() {
        let (Some(name), Some(at)) = (attribute["name"].as_str(), attribute["observedAt"].as_str()) else { continue };
        let by = identifier_of(&attribute["identifier"]).filter(|it| usable.contains(it));
        let Some(by) = by.or(usable.first().copied()) else { continue };
        let source = attribute["source"].as_str().unwrap_or(SOURCE);
        said.entry((at, source, by)).or_default().insert(name.to_owned(), attribute["value"].clone());
    }
    let mut messages: Vec<String> = said
        .into_iter()
        .map(|((at, source, (kind, value)), attributes)| {
            message(at, source, json!({ kind: value }), "attributes", Value::Object(attributes))
        })
        .collect();
    for device in line["devices"].as_array().into_iter().flatten() {
        let (Some(id), Some(at)) = (device["deviceId"].as_str(), device["lastUsedAt"].as_str()) else { continue };
        let fields = DEVICE_FIELDS.iter().filter(|(ours, _)| device[*ours].is_string());
        let fields: Map<String, Value> =
            fields.map(|(ours, name)| ((*name).to_owned(), device[*ours].clone())).collect();
        if !fields.is_empty() && usable.contains(&("device_id", id)) {
            messages.push(message(at, SOURCE, json!({ "device_id": id }), "device", Value::Object(fields)));
        }
    }
    // All of them are one customer. Where several messages are needed, each has the first identifier.
    let (first, others) = usable.split_first().map_or((None, &[][..]), |(first, others)| (Some(first), others));
    let mut chunks: Vec<&[Identifier<'_>]> = others.chunks(MAX_IDENTIFIERS - 1).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    for chunk in chunks {
        let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (kind, value) in first.into_iter().chain(chunk) {
            kinds.entry(kind).or_default().push(value);
        }
        messages.push(message(last_updated_at, SOURCE, json!(kinds), "attributes", json!({})));
    }
    Some((messages, warnings))
}

fn identifier_of(identifier: &Value) -> Option<Identifier<'_>> {
    Some((identifier["kind"].as_str()?, identifier["value"].as_str()?))
}

fn message(at: &str, source: &str, identifiers: Value, part: &str, said: Value) -> String {
    let mut message =
        json!({ "type": "identify", "timestamp": at, "source": source, "identifiers": identifiers, part: said });
    message["message_id"] = json!(made_id(&message));
    message.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(kind: &str, value: &str, at: &str, is_shared: bool) -> Value {
        json!({ "kind": kind, "value": value, "firstSeenAt": at, "lastSeenAt": at, "sources": ["crm"], "shared": is_shared,
            "retiredAt": null })
    }

    #[test]
    fn a_line_says_what_was_said_when_it_was_said() {
        let [id, phone, tablet] = [
            identifier("external_id", "u1", "2025-01-01T00:00:00Z", false),
            identifier("phone", "+821012345678", "2025-02-01T00:00:00Z", false),
            identifier("device_id", "kiosk", "2025-02-01T00:00:00Z", true),
        ];
        let line = json!({ "unifiedId": "x", "identifiers": [id, phone, tablet],
            "attributes": [
                { "name": "df_name", "value": "하나", "observedAt": "2025-01-01T00:00:00Z", "source": "crm", "identifier": id },
                { "name": "tier", "value": 7, "observedAt": "2025-03-01T00:00:00Z", "source": "app", "identifier": phone },
            ],
            "devices": [], "activity": { "lastUpdatedAt": "2025-03-01T00:00:00Z" } });
        let (messages, warnings) = messages_of(&line.to_string()).expect("it is a line of an export");
        let said = |at: &str, source: &str, identifiers: Value, attributes: Value| {
            json!([at, source, identifiers, attributes])
        };
        let heard: Vec<Value> = messages
            .iter()
            .map(|it| serde_json::from_str::<Value>(it).expect("it is JSON"))
            .map(|it| json!([it["timestamp"], it["source"], it["identifiers"], it["attributes"]]))
            .collect();
        assert_eq!(
            heard,
            [
                said("2025-01-01T00:00:00Z", "crm", json!({ "external_id": "u1" }), json!({ "df_name": "하나" })),
                said("2025-02-01T00:00:00Z", "crm", json!({ "phone": "+821012345678" }), json!({})),
                said("2025-03-01T00:00:00Z", "app", json!({ "phone": "+821012345678" }), json!({ "tier": 7 })),
                said(
                    "2025-03-01T00:00:00Z",
                    "export",
                    json!({ "external_id": ["u1"], "phone": ["+821012345678"] }),
                    json!({})
                ),
            ]
        );
        // A shared device would join strangers again.
        assert_eq!(warnings.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["identifiers[2]"]);
        for other in ["{}", r#"{"unifiedId":"x"}"#, r#"{"note":"\"unifiedId\""}"#, "nonsense \"unifiedId\""] {
            assert!(messages_of(other).is_none(), "{other}");
        }
    }
}
