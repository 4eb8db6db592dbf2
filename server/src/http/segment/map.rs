//! What a call of Segment's tracking API means, as a message.

use chrono::{DateTime, TimeDelta, Utc};
use profile360_core::{
    message::{MAX_NAME_BYTES, MAX_SOURCE_BYTES, Refusal, RefusalCode},
    search::names::full_name,
};
use serde_json::{Map, Value, json};

use super::shop;

/// What a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Identify,
    Track,
    Page,
    Screen,
    Alias,
    Group,
}

impl Call {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "identify" => Self::Identify,
            "track" => Self::Track,
            "page" => Self::Page,
            "screen" => Self::Screen,
            "alias" => Self::Alias,
            "group" => Self::Group,
            _ => return None,
        })
    }
}

/// When a request came, and what it says of all its calls.
#[derive(Debug)]
pub(super) struct Received {
    at: DateTime<Utc>,
    /// How far the sender's clock is ahead; nothing where it is about right.
    ahead: TimeDelta,
    context: Map<String, Value>,
}

/// What the way of a request takes is no fault of a clock.
const TOLERANCE: TimeDelta = TimeDelta::seconds(30);

impl Received {
    pub(super) fn new(at: DateTime<Utc>, sent_at: Option<&Value>, context: Option<&Value>) -> Self {
        let ahead = sent_at.and_then(instant).map(|sent_at| sent_at - at).filter(|it| TOLERANCE < it.abs());
        let context = context.and_then(Value::as_object).cloned().unwrap_or_default();
        Self { at, ahead: ahead.unwrap_or_default(), context }
    }

    /// When something happened by this server's clock, given when it happened by the sender's.
    fn corrected(&self, original: Option<&Value>) -> Value {
        let Some(original) = original else { return json!(self.at.to_rfc3339()) };
        match instant(original).and_then(|it| it.checked_sub_signed(self.ahead)) {
            Some(at) => json!(at.to_rfc3339()),
            // Whoever reads the message says what is wrong with it.
            None => original.clone(),
        }
    }
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

/// The call as a message of our own.
pub(super) fn message_of(
    kind: Option<Call>,
    call: &Map<String, Value>,
    received: &Received,
) -> Result<Map<String, Value>, Refusal> {
    let Some(kind) = kind else {
        let detail = "use identify, track, page, screen, alias or group".to_owned();
        return Err(Refusal { code: RefusalCode::UnknownType, path: "type".to_owned(), detail });
    };
    let mut context = received.context.clone();
    context.extend(call.get("context").and_then(Value::as_object).cloned().unwrap_or_default());
    let original = call.get("originalTimestamp").or_else(|| call.get("timestamp")).filter(|it| !it.is_null());
    let source = source_of(&context);
    let mut message = Map::new();
    message.insert("message_id".to_owned(), call.get("messageId").cloned().unwrap_or_default());
    message.insert("timestamp".to_owned(), received.corrected(original));
    message.insert("source".to_owned(), json!(source));
    let properties = || call.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    match kind {
        Call::Identify => {
            message.insert("type".to_owned(), json!("identify"));
            message.insert("attributes".to_owned(), Value::Object(attributes_of(call.get("traits"), "")));
        }
        Call::Group => {
            message.insert("type".to_owned(), json!("identify"));
            let mut attributes = attributes_of(call.get("traits"), "group.");
            attributes.insert("group_id".to_owned(), call.get("groupId").cloned().unwrap_or_default());
            attributes.retain(|_, value| !value.is_null());
            message.insert("attributes".to_owned(), Value::Object(attributes));
        }
        Call::Alias => {
            message.insert("type".to_owned(), json!("alias"));
        }
        Call::Track => {
            message.insert("type".to_owned(), json!("event"));
            let name = call.get("event").cloned().unwrap_or_default();
            let (name, properties) = shop::event_of(name, properties());
            message.insert("event".to_owned(), name);
            message.insert("properties".to_owned(), Value::Object(properties));
        }
        Call::Page | Call::Screen => {
            message.insert("type".to_owned(), json!("event"));
            let name = if kind == Call::Page { "page_view" } else { "screen_view" };
            message.insert("event".to_owned(), json!(name));
            let mut properties = properties();
            for field in ["name", "category"] {
                if let Some(value) = call.get(field).filter(|it| !it.is_null()) {
                    properties.insert(field.to_owned(), value.clone());
                }
            }
            message.insert("properties".to_owned(), Value::Object(properties));
        }
    }
    let identifiers = identifiers_of(kind, call, &context);
    if let Some(platform) = platform_of(call, &context) {
        message.insert("platform".to_owned(), json!(platform));
    }
    if let Some(session) = context.get("sessionId").and_then(text) {
        message.insert("session_id".to_owned(), json!(session));
    }
    // A server that speaks for its customers describes itself, and not their devices.
    if identifiers.contains_key("device_id") {
        message.insert("device".to_owned(), Value::Object(device_of(&context)));
    }
    message.insert("identifiers".to_owned(), Value::Object(identifiers));
    Ok(message)
}

fn source_of(context: &Map<String, Value>) -> &str {
    let library = at(context, &["library", "name"]).and_then(Value::as_str).map(str::trim);
    library.filter(|it| !it.is_empty() && it.len() <= MAX_SOURCE_BYTES).unwrap_or("segment")
}

fn identifiers_of(kind: Call, call: &Map<String, Value>, context: &Map<String, Value>) -> Map<String, Value> {
    let mut identifiers: Map<String, Value> = Map::new();
    let mut add = |name: &str, value: Option<&Value>| {
        let Some(value) = value.and_then(text) else { return };
        if let Some(values) = identifiers.entry(name).or_insert_with(|| json!([])).as_array_mut() {
            values.push(json!(value));
        }
    };
    add("external_id", call.get("userId"));
    add("device_id", call.get("anonymousId"));
    if kind == Call::Alias {
        // Before somebody signs in an SDK knows the device alone; what it was called then is what it is called here.
        add("device_id", call.get("previousId"));
    }
    let own_traits = if kind == Call::Identify { call.get("traits") } else { None };
    for traits in [own_traits, context.get("traits")].into_iter().flatten().filter_map(Value::as_object) {
        add("email", traits.get("email"));
        add("phone", traits.get("phone"));
    }
    for external in context.get("externalIds").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = external.get("type").and_then(Value::as_str) else { continue };
        let name = match name {
            "user_id" => "external_id",
            "anonymous_id" => "device_id",
            other => other,
        };
        add(name, external.get("id"));
    }
    identifiers
}

/// Traits as attributes: those that have a standard one go there, what is nested gets names with dots.
fn attributes_of(traits: Option<&Value>, prefix: &str) -> Map<String, Value> {
    let mut attributes = Map::new();
    let Some(traits) = traits.and_then(Value::as_object) else { return attributes };
    for (name, value) in traits {
        let name = format!("{prefix}{name}");
        match (name.as_str(), value) {
            // These are identifiers.
            ("email" | "phone", _) | (_, Value::Null) => {}
            ("name", value) => drop(attributes.insert("df_name".to_owned(), value.clone())),
            ("gender", value) => drop(attributes.insert("df_gender".to_owned(), gender_of(value))),
            ("birthday", Value::String(text)) => {
                let day = text.get(..10).unwrap_or(text);
                attributes.insert("df_birth".to_owned(), json!(day));
            }
            (_, Value::Object(fields)) => {
                for (field, value) in fields.iter().filter(|(_, it)| !it.is_null()) {
                    attributes.insert(format!("{name}.{field}"), value.clone());
                }
            }
            (_, value) => drop(attributes.insert(name, value.clone())),
        }
    }
    if prefix.is_empty() && !attributes.contains_key("df_name") {
        let part = |names: &[&str]| names.iter().find_map(|name| traits.get(*name)?.as_str()).unwrap_or_default();
        let name = full_name(part(&["firstName", "first_name"]), part(&["lastName", "last_name"]));
        if !name.is_empty() {
            attributes.insert("df_name".to_owned(), json!(name));
        }
    }
    attributes
}

fn gender_of(value: &Value) -> Value {
    match value.as_str().map(str::to_lowercase).as_deref() {
        Some("m") => json!("Male"),
        Some("f") => json!("Female"),
        Some("non-binary" | "non binary") => json!("NonBinary"),
        _ => value.clone(),
    }
}

fn platform_of(call: &Map<String, Value>, context: &Map<String, Value>) -> Option<&'static str> {
    let word = |path: &[&str]| at(context, path).and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let kinds = [word(&["device", "type"]), word(&["os", "name"]), word(&["library", "name"])];
    let says = |what: &str| kinds.iter().any(|it| it.contains(what));
    let channel = call.get("channel").or_else(|| context.get("channel")).and_then(Value::as_str).unwrap_or_default();
    if says("android") {
        Some("Android")
    } else if says("ios") || says("ipados") || says("analytics-swift") {
        Some("iOS")
    } else if channel == "browser" || says("analytics.js") || says("analytics-next") {
        Some("Web")
    } else if channel == "server" || says("analytics-") {
        Some("API")
    } else {
        None
    }
}

fn device_of(context: &Map<String, Value>) -> Map<String, Value> {
    const FIELDS: [(&str, &[&str]); 13] = [
        ("model", &["device", "model"]),
        ("os", &["os", "name"]),
        ("os_version", &["os", "version"]),
        ("carrier", &["network", "carrier"]),
        ("language", &["locale"]),
        ("time_zone", &["timezone"]),
        ("country", &["location", "country"]),
        ("region", &["location", "region"]),
        ("city", &["location", "city"]),
        ("library_platform", &["library", "name"]),
        ("library_version", &["library", "version"]),
        ("ip", &["ip"]),
        ("user_agent", &["userAgent"]),
    ];
    let found = FIELDS.iter().filter_map(|(name, path)| Some(((*name).to_owned(), json!(text(at(context, path)?)?))));
    found.collect()
}

fn at<'v>(object: &'v Map<String, Value>, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(object.get(*first)?, |value, name| value.get(*name))
}

/// A text, or a number as it is written.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
    .filter(|it| it.len() <= 8 * MAX_NAME_BYTES)
}

#[cfg(test)]
mod tests;
