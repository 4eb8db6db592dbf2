//! Messages: what a source says, parsed once and trusted from then on.

mod attribute;
mod device;
mod names;
pub mod order;
pub mod syntax;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::{
    attribute::{AttributeValue, MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES, MAX_LIST_ITEMS},
    device::{Clues, Description, DeviceField, DeviceSeen, MAX_USER_AGENT_BYTES},
    names::MAX_DEPTH,
};
use crate::{
    identifier::{self, Identifier, Normalised, clean, nobody::names_nothing},
    message::{
        order::{Order, Refund},
        syntax::{Fields, Object, Scalar, object, scalar_text, whole_characters},
    },
    policy::CompiledPolicy,
    time::{Timestamp, TimestampError},
};

/// An accepted message. Its identifiers are normalised, distinct, strongest first, and never none.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: Arc<str>,
    pub at: Timestamp,
    pub source: Arc<str>,
    pub platform: Option<Platform>,
    pub identifiers: Vec<Identifier>,
    /// What the message says of the customer, by attribute name.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// The event's name, where the message is an event.
    pub event: Option<Arc<str>>,
    pub session_id: Option<Arc<str>>,
    pub device: Option<DeviceSeen>,
    /// What a `df_purchase` event says.
    pub order: Option<Order>,
    /// What a `df_refund` event says.
    pub refund: Option<Refund>,
}

impl Message {
    /// The identifier whose facet this message belongs to: its strongest.
    pub fn home(&self) -> &Identifier {
        &self.identifiers[0]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Platform {
    Android,
    #[serde(rename = "iOS")]
    Ios,
    Web,
    #[serde(rename = "API")]
    Api,
}

/// The largest message taken, in bytes of JSON.
pub const MAX_MESSAGE_BYTES: usize = 512 * 1024;
/// The longest `message_id`, `session_id`, event name, attribute name and order ID, in bytes.
pub const MAX_NAME_BYTES: usize = 128;
/// The longest `source`, in bytes.
pub const MAX_SOURCE_BYTES: usize = 64;
/// The most identifiers that one message may carry.
pub const MAX_IDENTIFIERS: usize = 100;
/// The most units that one line of an order may have.
pub const MAX_QUANTITY: u32 = 1_000_000;

/// A message that was taken, what of it was left out, and the text that is kept.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub message: Message,
    pub message_type: MessageType,
    /// The message as JSON, without the device's address and with what that and the user agent said: the evidence that
    /// everything else can be rebuilt from.
    pub payload: String,
    pub warnings: Vec<Warning>,
    /// Whether the sender gave no message ID and it was made of the contents.
    pub is_id_made: bool,
}

/// Something of an accepted message that was left out or looks wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    pub code: &'static str,
    /// Where in the message, as `identifiers.phone[1]`.
    pub path: String,
    /// A sentence; it never repeats the value.
    pub detail: String,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code} at {path}: {detail}")]
pub struct Refusal {
    pub code: RefusalCode,
    /// Where in the message; empty for the message as a whole.
    pub path: String,
    /// A sentence; it never repeats the value.
    pub detail: String,
}

/// The closed list of reasons to refuse a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefusalCode {
    NotJson,
    TooLarge,
    MissingField,
    WrongType,
    DuplicateField,
    TooLong,
    ControlCharacter,
    UnknownType,
    UnknownPlatform,
    TimestampMalformed,
    TimestampWithoutZone,
    TimestampOutOfRange,
    TimestampAhead,
    NoUsableIdentifier,
    TooManyIdentifiers,
    QuantityOutOfRange,
    AmountMalformed,
    AmountOutOfRange,
    CurrencyMalformed,
    /// The key that it came by sends only for other sources.
    SourceNotAllowed,
    /// The key that it came by sends only messages of other types.
    TypeNotAllowed,
}

impl RefusalCode {
    /// The code as answers spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "NOT_JSON",
            Self::TooLarge => "TOO_LARGE",
            Self::MissingField => "MISSING_FIELD",
            Self::WrongType => "WRONG_TYPE",
            Self::DuplicateField => "DUPLICATE_FIELD",
            Self::TooLong => "TOO_LONG",
            Self::ControlCharacter => "CONTROL_CHARACTER",
            Self::UnknownType => "UNKNOWN_TYPE",
            Self::UnknownPlatform => "UNKNOWN_PLATFORM",
            Self::TimestampMalformed => "TIMESTAMP_MALFORMED",
            Self::TimestampWithoutZone => "TIMESTAMP_WITHOUT_ZONE",
            Self::TimestampOutOfRange => "TIMESTAMP_OUT_OF_RANGE",
            Self::TimestampAhead => "TIMESTAMP_AHEAD",
            Self::NoUsableIdentifier => "NO_USABLE_IDENTIFIER",
            Self::TooManyIdentifiers => "TOO_MANY_IDENTIFIERS",
            Self::QuantityOutOfRange => "QUANTITY_OUT_OF_RANGE",
            Self::AmountMalformed => "AMOUNT_MALFORMED",
            Self::AmountOutOfRange => "AMOUNT_OUT_OF_RANGE",
            Self::CurrencyMalformed => "CURRENCY_MALFORMED",
            Self::SourceNotAllowed => "SOURCE_NOT_ALLOWED",
            Self::TypeNotAllowed => "TYPE_NOT_ALLOWED",
        }
    }
}

impl std::fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

pub(crate) fn refusal(code: RefusalCode, path: impl Into<String>, detail: impl Into<String>) -> Refusal {
    Refusal { code, path: path.into(), detail: detail.into() }
}

/// Reads one message (docs/design.md, section 3).
///
/// A fault in what the message rests on (its ID, type, time, source, an amount) refuses it; a fault in one identifier or
/// attribute leaves that out with a warning, as long as one identifier is left.
pub fn parse_message(json: &str, policy: &CompiledPolicy) -> Result<Accepted, Refusal> {
    parse_described(json, policy, &|_| Description::default())
}

/// As [`parse_message`]; what the message does not name of its device, `describe` reads out of its user agent and its
/// address. That is kept with the message as if it had named it: the address is not there to be read again, and another
/// table of browsers or places changes nothing of what was said.
pub fn parse_described(
    json: &str,
    policy: &CompiledPolicy,
    describe: &dyn Fn(&Clues<'_>) -> Description,
) -> Result<Accepted, Refusal> {
    let json = trimmed(json);
    if MAX_MESSAGE_BYTES < json.len() {
        let detail = format!("the message has {} bytes; at most {MAX_MESSAGE_BYTES} are taken", json.len());
        return Err(refusal(RefusalCode::TooLarge, "", detail));
    }
    let whole = whole_characters(json);
    let mut accepted = read(&whole, policy, describe)?.check_names()?;
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
    read(&whole_characters(trimmed(payload)), policy, &|_| Description::default())
}

/// The replacement for a character that was lost on the way.
const LOST: char = '\u{fffd}';
const ORDER_ID: &str = "properties.df_order_id";

fn trimmed(json: &str) -> &str {
    json.trim_start_matches('\u{feff}').trim()
}

fn read(
    json: &str,
    policy: &CompiledPolicy,
    describe: &dyn Fn(&Clues<'_>) -> Description,
) -> Result<Accepted, Refusal> {
    let fields: Object = serde_json::from_str(json).map_err(|error| {
        // serde_json's own text would repeat a part of the value in some cases; position and category do not.
        let what = match error.classify() {
            serde_json::error::Category::Eof => "the JSON ends too early; the message was cut off",
            serde_json::error::Category::Data => "the message is not a JSON object",
            _ => "the message is not valid JSON",
        };
        refusal(RefusalCode::NotJson, "", format!("{what} (column {})", error.column()))
    })?;
    // Which of two was meant nobody can tell, and readers differ in which they take.
    let known = |name: &str| KNOWN_FIELDS.iter().find(|it| **it == name).copied();
    let mut seen = BTreeSet::new();
    if let Some(twice) = fields.0.iter().filter_map(|(name, _)| known(name)).find(|it| !seen.insert(*it)) {
        return Err(refusal(RefusalCode::DuplicateField, twice, "the field is there twice; send it once"));
    }
    let mut warnings = Vec::new();
    let reader = Fields { object: &fields, path: "" };

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
    let identifiers = identifiers(&reader, policy, &mut warnings)?;
    let attributes = attribute::read(&reader, at, policy, &mut warnings)?;
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
        device::read(&reader, &identifiers, describe, &mut warnings)?;
    let properties = match (&event, reader.optional("properties")) {
        (Some(_), Some(value)) => {
            names::warn_of_depth(value.get(), "properties", &mut warnings);
            Some(object(value, "properties")?)
        }
        _ => None,
    };
    // Orders are refused for it where they are read.
    if !matches!(event.as_deref(), Some("df_purchase" | "df_refund")) {
        warn_of_repeated(properties.as_ref(), "properties", &mut warnings);
    }
    if let Some(properties) = &properties {
        let reader = Fields { object: properties, path: "properties" };
        warn_of_no_id(&reader, "df_order_id", &mut warnings);
    }
    let mut order = None;
    let mut refund = None;
    let told = order::Told { message_id: &id, at, by_date, source: &source, policy };
    match event.as_deref() {
        Some("df_purchase") => order = Some(order::read_order(properties.as_ref(), &told, &mut warnings)?),
        Some("df_refund") => refund = Some(order::read_refund(properties.as_ref(), &told, &mut warnings)?),
        _ => {}
    }
    for (name, _) in &fields.0 {
        if !KNOWN_FIELDS.contains(&name.as_ref()) {
            warnings.push(Warning {
                code: "UNKNOWN_FIELD",
                path: name.chars().take(MAX_NAME_BYTES).collect(),
                detail: "no message has this field; it was left out".to_owned(),
            });
        }
    }
    let payload = kept_device.map_or_else(|| json.to_owned(), |it| with_device(&fields, &it));
    let message =
        Message { id, at, source, platform, identifiers, attributes, event, session_id, device, order, refund };
    Ok(Accepted { message, message_type, payload, warnings, is_id_made: false })
}

/// Of a field that is there twice the last counts, as with most readers of JSON.
fn warn_of_repeated(object: Option<&Object<'_>>, path: &str, warnings: &mut Vec<Warning>) {
    if let Some(name) = object.and_then(Object::repeated) {
        warnings.push(Warning {
            code: RefusalCode::DuplicateField.as_str(),
            path: format!("{path}.{}", name.chars().take(MAX_NAME_BYTES).collect::<String>()),
            detail: "the field is there twice; the last one counts".to_owned(),
        });
    }
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageType {
    Identify,
    Event,
    Alias,
}

/// How warnings end that tell of something left out.
const LEFT_OUT: &str = "; it was left out";

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

/// Names of identity keys that the DFINERY SDKs send, and the kinds that they are.
const KIND_ALIASES: [(&str, &str); 3] =
    [("phone_no", "phone"), ("kakao_user_id", "kakao_id"), ("line_user_id", "line_id")];

fn identifiers(
    reader: &Fields<'_, '_>,
    policy: &CompiledPolicy,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Identifier>, Refusal> {
    let raw = reader.required("identifiers")?;
    let kinds = object(raw, "identifiers")?;
    let mut found: Vec<(u32, Identifier)> = Vec::new();
    let mut n_values = 0;
    for (name, value) in &kinds.0 {
        let name = name.as_ref();
        let kind_name = KIND_ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, kind)| *kind);
        let values: Vec<(String, &RawValue)> = if value.get().starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
            items
                .into_iter()
                .enumerate()
                .map(|(position, it)| (format!("identifiers.{name}[{position}]"), it))
                .collect()
        } else {
            vec![(format!("identifiers.{name}"), *value)]
        };
        n_values += values.len();
        if MAX_IDENTIFIERS < n_values {
            let detail = format!("a message carries at most {MAX_IDENTIFIERS} identifiers");
            return Err(refusal(RefusalCode::TooManyIdentifiers, "identifiers", detail));
        }
        let Some(kind) = policy.kind(kind_name) else {
            let path = format!("identifiers.{}", name.chars().take(MAX_NAME_BYTES).collect::<String>());
            let detail = "the policy knows no identifiers of this kind; it was left out".to_owned();
            warnings.push(Warning { code: "UNKNOWN_KIND", path, detail });
            continue;
        };
        for (path, value) in values {
            let text = match scalar_text(value) {
                // A boolean is nobody's name.
                _ if matches!(value.get(), "true" | "false") => {
                    let detail = "an identifier is a string; it was left out".to_owned();
                    warnings.push(Warning { code: "WRONG_TYPE", path, detail });
                    continue;
                }
                // Two that were cut differently would be one.
                Scalar::Text(text) if text.contains(LOST) => {
                    let detail = "a character of it was lost on the way (U+FFFD); it was left out".to_owned();
                    warnings.push(Warning { code: "IDENTIFIER_DAMAGED", path, detail });
                    continue;
                }
                Scalar::Text(text) => text,
                Scalar::Null => Cow::Borrowed(""),
                Scalar::Other => {
                    let detail = "an identifier is a string; it was left out".to_owned();
                    warnings.push(Warning { code: "WRONG_TYPE", path, detail });
                    continue;
                }
            };
            match identifier::normalise(&text, kind, policy) {
                Normalised::Usable { identifier, warning } => {
                    if let Some(suspicion) = warning {
                        warnings.push(Warning { code: "SUSPICIOUS_IDENTIFIER", path, detail: suspicion.to_string() });
                    }
                    found.push((kind.priority, identifier));
                }
                Normalised::Blocked(reason) => {
                    let detail = format!("{reason}; it was left out");
                    warnings.push(Warning { code: "IDENTIFIER_BLOCKED", path, detail });
                }
                Normalised::Refused(reason) => {
                    let detail = format!("{reason}; it was left out");
                    warnings.push(Warning { code: reason.code(), path, detail });
                }
            }
        }
    }
    if found.is_empty() {
        // All of them are told, not only the last: whoever mends the source needs every reason.
        let reasons: Vec<String> =
            warnings.iter().map(|it| format!("{}: {}", it.path, it.detail.trim_end_matches(LEFT_OUT))).collect();
        let detail = if reasons.is_empty() {
            "name at least one identifier".to_owned()
        } else {
            format!("no identifier can be used ({})", reasons.join("; "))
        };
        let path = warnings.last().map_or_else(|| "identifiers".to_owned(), |it| it.path.clone());
        return Err(refusal(RefusalCode::NoUsableIdentifier, path, detail));
    }
    found.sort();
    found.dedup();
    Ok(found.into_iter().map(|(_, identifier)| identifier).collect())
}

/// Tells of an ID that means none, as [`Fields::optional_id`] leaves it out.
fn warn_of_no_id(reader: &Fields<'_, '_>, name: &str, warnings: &mut Vec<Warning>) {
    let Some(Scalar::Text(text)) = reader.optional(name).map(scalar_text) else { return };
    let text = clean(&text);
    if let Some(reason) = names_nothing(&text).filter(|_| !text.is_empty()) {
        let detail = format!("{reason}; it was left out");
        warnings.push(Warning { code: "ID_BLOCKED", path: reader.path_to(name), detail });
    }
}

/// The message again with another device; everything else in its own characters.
fn with_device(fields: &Object<'_>, device: &str) -> String {
    let text = |name: &str, raw: &RawValue| member(name, if name == "device" { device } else { raw.get() });
    let written: Vec<String> = fields.0.iter().map(|(name, raw)| text(name, raw)).collect();
    format!("{{{}}}", written.join(","))
}

fn member(name: &str, value: &str) -> String {
    format!("{}:{value}", serde_json::Value::from(name))
}

#[cfg(test)]
mod tests;
