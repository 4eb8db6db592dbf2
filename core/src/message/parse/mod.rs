//! Reads messages.

pub mod accepted;
mod attributes;
pub mod device;
mod identifiers;
mod orders;
mod reader;
mod rewrite;
mod warnings;

use std::borrow::Cow;

pub use self::reader::{MessageReader, Purchases};

use super::{
    Message, MessageType, Platform,
    limits::{MAX_MESSAGE_BYTES, MAX_NAME_BYTES, MAX_SOURCE_BYTES},
    parse::{
        accepted::Accepted,
        device::{Description, DeviceHints},
        identifiers::identifiers,
        reader::Memory,
        rewrite::with_device,
        warnings::{warn_of_no_id, warn_of_repeated},
    },
    refusal::{Refusal, RefusalCode, Warning, refusal},
    spans::Spans,
    syntax::{Fields, object, object_of, whole_characters},
};
use crate::{
    policy::compiled::CompiledPolicy,
    time::{Timestamp, TimestampError},
};

/// Reads one message (docs/design.md, section 3).
///
/// A fault in what the message rests on (its ID, type, time, source, an amount) refuses it; a fault in one identifier or
/// attribute leaves that out with a warning, as long as one identifier is left.
pub fn parse_message(json: &str, policy: &CompiledPolicy) -> Result<Accepted, Refusal> {
    parse_described(json, policy, &not_described)
}

fn not_described(_: &DeviceHints<'_>) -> Description {
    Description::default()
}

/// As [`parse_message`]; what the message does not name of its device, `describe` reads out of its user agent and its
/// address. That is kept with the message as if it had named it: the address is not there to be read again, and another
/// table of browsers or places changes nothing of what was said.
pub fn parse_described(
    json: &str,
    policy: &CompiledPolicy,
    describe: &dyn Fn(&DeviceHints<'_>) -> Description,
) -> Result<Accepted, Refusal> {
    parse_new(json, &mut Reading { policy, describe, memory: None })
}

/// What messages are read with.
struct Reading<'r> {
    policy: &'r CompiledPolicy,
    describe: &'r dyn Fn(&DeviceHints<'_>) -> Description,
    /// Of a reader of many messages: their texts are not kept.
    memory: Option<&'r mut Memory>,
}

fn parse_new(json: &str, reading: &mut Reading<'_>) -> Result<Accepted, Refusal> {
    let json = trimmed(json);
    if MAX_MESSAGE_BYTES < json.len() {
        let detail = format!("the message has {} bytes; at most {MAX_MESSAGE_BYTES} are taken", json.len());
        return Err(refusal(RefusalCode::TooLarge, "", detail));
    }
    let whole = whole_characters(json);
    let mut accepted = read(&whole, reading)?.check_names()?;
    // What names something names something else without the character that was lost.
    let is_damaged = |name: &str| name.contains(LOST);
    let path = match &accepted.message {
        it if is_damaged(&it.id) => Some("message_id"),
        it if it.order.as_ref().is_some_and(|order| is_damaged(order.key.as_str())) => Some(ORDER_ID),
        it if it.refund.as_ref().and_then(|refund| refund.order_id.as_deref()).is_some_and(is_damaged) => {
            Some(ORDER_ID)
        }
        _ => None,
    };
    if let Some(path) = path {
        let detail = "a character of it was lost on the way (U+FFFD, or half of one); send it whole";
        return Err(refusal(RefusalCode::WrongType, path, detail));
    }
    if let Cow::Owned(_) = whole {
        accepted.warnings.push(Warning {
            code: "HALF_CHARACTER",
            path: String::new(),
            detail: "a text was cut in the middle of a character; U+FFFD replaces the half that was left".to_owned(),
        });
    }
    Ok(accepted)
}

/// Reads a message's kept text again. It may be a little longer than any that is sent.
pub fn parse_kept(payload: &str, policy: &CompiledPolicy) -> Result<Accepted, Refusal> {
    let mut reading = Reading { policy, describe: &not_described, memory: None };
    read(&whole_characters(trimmed(payload)), &mut reading)
}

/// The replacement for a character that was lost on the way.
pub(crate) const LOST: char = '\u{fffd}';

const ORDER_ID: &str = "properties.df_order_id";

fn trimmed(json: &str) -> &str {
    json.trim_start_matches('\u{feff}').trim()
}

fn read(json: &str, reading: &mut Reading<'_>) -> Result<Accepted, Refusal> {
    let policy = reading.policy;
    let spans = Spans::of(json);
    let fields = spans.as_ref().and_then(|it| it.root(json).members()).ok_or_else(|| no_object(json))?;
    // Which of two was meant is unknown, and parsers differ in which they use.
    let known = |name: &str| KNOWN_FIELDS.iter().find(|it| **it == name).copied();
    let mut seen = Vec::with_capacity(KNOWN_FIELDS.len());
    for name in fields.iter().filter_map(|(name, _)| known(&name)) {
        if seen.contains(&name) {
            return Err(refusal(RefusalCode::DuplicateField, name, "the field is there twice; send it once"));
        }
        seen.push(name);
    }
    let mut warnings = Vec::new();
    let reader = Fields { object: &fields, path: &"" };

    let id = reader.required_text("message_id", MAX_NAME_BYTES)?;
    let message_type = match reader.required_text("type", MAX_NAME_BYTES)?.as_ref() {
        "identify" => MessageType::Identify,
        "event" => MessageType::Event,
        "alias" => MessageType::Alias,
        _ => return Err(refusal(RefusalCode::UnknownType, "type", "use identify, event or alias")),
    };
    let (at, by_date) = Timestamp::read(&reader.required_key("timestamp", MAX_NAME_BYTES)?).map_err(|error| {
        let code = match error {
            TimestampError::NoZone => RefusalCode::TimestampWithoutZone,
            TimestampError::Malformed => RefusalCode::TimestampMalformed,
            TimestampError::OutOfRange => RefusalCode::TimestampOutOfRange,
        };
        refusal(code, "timestamp", error.to_string())
    })?;
    let source = reader.required_text("source", MAX_SOURCE_BYTES)?;
    let platform = match reader.optional_text("platform", MAX_NAME_BYTES)?.as_deref() {
        None => None,
        Some("Android") => Some(Platform::Android),
        Some("iOS") => Some(Platform::Ios),
        Some("Web") => Some(Platform::Web),
        Some("API") => Some(Platform::Api),
        Some(_) => return Err(refusal(RefusalCode::UnknownPlatform, "platform", "use Android, iOS, Web or API")),
    };
    let identifiers = identifiers(&reader, policy, reading.memory.as_deref_mut(), &mut warnings)?;
    let attributes = attributes::read(&reader, at, policy, &mut warnings)?;
    let event = match message_type {
        MessageType::Event => Some(reader.required_text("event", MAX_NAME_BYTES)?),
        MessageType::Identify | MessageType::Alias => {
            for name in ["event", "properties"] {
                if reader.optional(name).is_some() {
                    warnings.push(Warning {
                        code: "NOT_AN_EVENT",
                        path: name.to_owned(),
                        detail: "only messages of type event have it; it was left out".to_owned(),
                    });
                }
            }
            None
        }
    };
    let session_id = reader.optional_id("session_id", MAX_NAME_BYTES)?;
    warn_of_no_id(&reader, "session_id", &mut warnings);
    let device::Read { seen: device, kept: kept_device } =
        device::read(&reader, &identifiers, reading.describe, &mut warnings)?;
    let properties = match (&event, reader.optional("properties")) {
        (Some(_), Some(value)) => {
            warnings::warn_of_depth(value, "properties", &mut warnings);
            Some(object(value, &"properties")?)
        }
        _ => None,
    };
    // Orders are refused for it where they are read.
    if !matches!(event.as_deref(), Some("df_purchase" | "df_refund")) {
        warn_of_repeated(properties.as_ref(), "properties", &mut warnings);
    }
    if let Some(properties) = &properties {
        let reader = Fields { object: properties, path: &"properties" };
        warn_of_no_id(&reader, "df_order_id", &mut warnings);
    }
    let mut order = None;
    let mut refund = None;
    let memory = reading.memory.as_deref_mut();
    let mut context = orders::OrderContext { message_id: &id, at, by_date, source: &source, policy, memory };
    match event.as_deref() {
        Some("df_purchase") => order = Some(orders::read_order(properties.as_ref(), &mut context, &mut warnings)?),
        Some("df_refund") => refund = Some(orders::read_refund(properties.as_ref(), &mut context, &mut warnings)?),
        _ => {}
    }
    for (name, _) in fields.iter() {
        if !KNOWN_FIELDS.contains(&name.as_ref()) {
            warnings.push(Warning {
                code: "UNKNOWN_FIELD",
                path: name.chars().take(MAX_NAME_BYTES).collect(),
                detail: "no message has this field; it was left out".to_owned(),
            });
        }
    }
    let payload = match kept_device {
        _ if reading.memory.is_some() => String::new(),
        Some(device) => with_device(fields, &device),
        None => json.to_owned(),
    };
    let message =
        Message { id, at, source, platform, identifiers, attributes, event, session_id, device, order, refund };
    Ok(Accepted { message, message_type, payload, warnings, is_id_made: false })
}

/// Why a text is no message at all.
fn no_object(json: &str) -> Refusal {
    const MALFORMED: &str = "the message is not valid JSON";
    let Err(error) = object_of(json) else { return refusal(RefusalCode::NotJson, "", MALFORMED) };
    // serde_json's own text would repeat a part of the value in some cases; position and category do not.
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the JSON ends too early; the message was cut off",
        serde_json::error::Category::Data => "the message is not a JSON object",
        _ => MALFORMED,
    };
    refusal(RefusalCode::NotJson, "", format!("{what} (column {})", error.column()))
}

const KNOWN_FIELDS: [&str; 11] = [
    "message_id",
    "type",
    "timestamp",
    "source",
    "platform",
    "identifiers",
    "attributes",
    "event",
    "properties",
    "session_id",
    "device",
];

#[cfg(test)]
mod tests;
