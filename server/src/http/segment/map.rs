//! Turns the calls of Segment's tracking API into messages.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use profile360_core::{
    message::{
        limits::{MAX_NAME_BYTES, MAX_SOURCE_BYTES},
        refusal::{Refusal, RefusalCode, Warning},
        syntax::Object,
    },
    search::names::full_name,
    time::Timestamp,
};
use profile360_ingest::enrich::A_DAY;
use serde_json::value::RawValue;

use super::shop;
use crate::http::raw_json::{Fields, Json, Made, Pieces, inner, is_empty_list, text, text_or_digits};

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

/// When a request came, and what it says about all its calls.
#[derive(Debug)]
pub(super) struct Received<'r> {
    at: DateTime<Utc>,
    /// How far the sender's clock is ahead; nothing where it is about right.
    ahead: TimeDelta,
    /// It is off by more than a day: the request was stored for long, or the device never had the time.
    is_no_clock: bool,
    context: Option<&'r RawValue>,
}

/// The network accounts for smaller differences.
const TOLERANCE: TimeDelta = TimeDelta::seconds(30);

impl<'r> Received<'r> {
    pub(super) fn new(at: DateTime<Utc>, sent: &Pieces<'r>) -> Self {
        Self::of(at, sent.json("sentAt"), sent.json("context"))
    }

    pub(super) fn of(at: DateTime<Utc>, sent_at: Option<&RawValue>, context: Option<&'r RawValue>) -> Self {
        let ahead = sent_at.and_then(instant).map(|sent_at| sent_at - at).filter(|ahead| TOLERANCE < ahead.abs());
        let ahead = ahead.unwrap_or_default();
        Self { at, ahead, is_no_clock: A_DAY + TOLERANCE < ahead.abs(), context }
    }

    /// A time of the sender's clock by this server's clock.
    fn corrected<'c>(&self, original: Option<&'c RawValue>) -> Json<'c> {
        let Some(original) = original else { return Json::of_text(self.at.to_rfc3339()) };
        match instant(original).and_then(|at| at.checked_sub_signed(self.correction(at))) {
            Some(at) => Json::of_text(at.to_rfc3339()),
            // The parser of the message reports it.
            None => Json::Sent(original),
        }
    }

    /// What to subtract from a time of the sender. A clock that is off by more than a day corrects nothing, unless the time is as far
    /// ahead.
    fn correction(&self, at: DateTime<Utc>) -> TimeDelta {
        if self.is_no_clock && at <= self.at + A_DAY { TimeDelta::zero() } else { self.ahead }
    }

    /// The warning about the sender's clock.
    fn warning(&self, original: Option<&RawValue>) -> Option<Warning> {
        let at = original.and_then(instant).filter(|_| self.is_no_clock)?;
        let detail = if self.correction(at).is_zero() {
            "sentAt is more than a day from this server's clock, so it corrects nothing; the time was kept unchanged"
        } else {
            "the sender's clock is more than a day ahead, and so was the time; the difference was subtracted"
        };
        Some(Warning { code: "CLOCK_OFF", path: "sentAt".to_owned(), detail: detail.to_owned() })
    }
}

/// The time of a call. An empty text and the year 1 are no times: some programs fill every field.
///
/// RudderStack's SDKs for servers write in `originalTimestamp` when they were called; `timestamp` is the time of the event.
fn original_time<'c>(call: &Object<'c>, context: &Context<'c>) -> Option<&'c RawValue> {
    let is_time = |value: &&RawValue| match text_or_digits(value) {
        Some(written) => {
            !written.starts_with("0001-01-01") && !written.trim().bytes().all(|byte| matches!(byte, b'0' | b'.'))
        }
        None => value.get() != "\"\"",
    };
    let mut names = ["originalTimestamp", "timestamp"];
    if channel_of(call, context) == "server" {
        names.reverse();
    }
    names.iter().find_map(|name| call.get(name).filter(is_time))
}

/// A time in any format of messages; none for a date alone, which has no time of day to correct.
fn instant(value: &RawValue) -> Option<DateTime<Utc>> {
    let written = text_or_digits(value)?;
    let read = || Timestamp::read(&written).ok().filter(|(_, is_date)| !is_date).map(|(at, _)| at.to_datetime());
    written.parse().ok().or_else(read)
}

/// The message of a call.
pub(super) fn message_of<'c>(
    kind: Option<Call>,
    call: &Object<'c>,
    received: &Received<'c>,
) -> Result<Made<'c>, Refusal> {
    let Some(kind) = kind else {
        let detail = "use identify, track, page, screen, alias or group".to_owned();
        return Err(Refusal { code: RefusalCode::UnknownType, path: "type".to_owned(), detail });
    };
    let mut made = Made::default();
    let context = Context::of(call, received, &mut made);
    let original = original_time(call, &context);
    made.warnings.extend(received.warning(original));
    if let Some(id) = call.get("messageId") {
        made.add("message_id", Json::Sent(id));
    }
    made.add("timestamp", received.corrected(original));
    let source = source_of(&context, &mut made);
    made.add("source", Json::Text(source));
    match kind {
        Call::Identify => {
            made.add("type", Json::of_text("identify"));
            made.add("attributes", attributes_of(call.get("traits"), context.get("traits"), ""));
        }
        Call::Group => {
            made.add("type", Json::of_text("identify"));
            let mut attributes = attributes_of(call.get("traits"), None, "group.");
            if let (Json::Object(attributes), Some(id)) = (&mut attributes, call.get("groupId")) {
                attributes.push(("group_id".into(), Json::Sent(id)));
            }
            made.add("attributes", attributes);
        }
        Call::Alias => made.add("type", Json::of_text("alias")),
        Call::Track => {
            made.add("type", Json::of_text("event"));
            let (event, properties) = shop::event_of(call.get("event"), properties_of(call));
            made.message.extend(event.map(|event| ("event".into(), event)));
            made.add("properties", properties);
        }
        Call::Page | Call::Screen => {
            made.add("type", Json::of_text("event"));
            made.add("event", Json::of_text(if kind == Call::Page { "page_view" } else { "screen_view" }));
            let mut properties = properties_of(call);
            if let Json::Object(properties) = &mut properties {
                for field in ["name", "category"] {
                    if let Some(value) = call.get(field) {
                        properties.retain(|(name, _)| name != field);
                        properties.push((field.into(), Json::Sent(value)));
                    }
                }
            }
            made.add("properties", properties);
        }
    }
    let identifiers = identifiers_of(kind, call, &context, &mut made);
    if let Some(platform) = platform_of(call, &context) {
        made.add("platform", Json::of_text(platform));
    }
    if let Some(session) = context.get("sessionId") {
        match text_or_digits(session) {
            Some(session) if session.len() <= MAX_NAME_BYTES => made.add("session_id", Json::Text(session)),
            Some(_) => made.leave_out("TOO_LONG", "context.sessionId", "a session has at most 128 bytes"),
            None if session.get() == "\"\"" => {}
            None => made.leave_out("WRONG_TYPE", "context.sessionId", "a session is a string or a number"),
        }
    }
    // Without a device ID the call comes from a server, whose context describes the server.
    if identifiers.iter().any(|(name, _)| name == "device_id") {
        let device = device_of(&context, &mut made);
        made.add("device", Json::Object(device));
    }
    made.add("identifiers", Json::Object(identifiers));
    Ok(made)
}

/// The context of a call: its own, and that of its request.
#[derive(Debug)]
struct Context<'c> {
    own: Object<'c>,
    common: Object<'c>,
}

impl<'c> Context<'c> {
    fn of(call: &Object<'c>, received: &Received<'c>, made: &mut Made<'c>) -> Self {
        let mut read = |value: Option<&'c RawValue>| {
            inner(value).unwrap_or_else(|| {
                if value.is_some_and(|value| value.get() != "null") {
                    made.leave_out("WRONG_TYPE", "context", "it must be an object");
                }
                Object(Vec::new())
            })
        };
        Self { own: read(call.get("context")), common: read(received.context) }
    }

    fn get(&self, name: &str) -> Option<&'c RawValue> {
        self.own.get(name).or_else(|| self.common.get(name))
    }

    /// A field of an object within.
    fn within(&self, path: &[&str]) -> Option<&'c RawValue> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.get(first)?, |value, name| inner(Some(value))?.get(name))
    }
}

fn source_of(context: &Context<'_>, made: &mut Made<'_>) -> String {
    let library = context.within(&["library", "name"]).and_then(text).map(|library| library.trim().to_owned());
    match library.filter(|library| !library.is_empty()) {
        Some(library) if library.len() <= MAX_SOURCE_BYTES => library,
        Some(_) => {
            made.leave_out(
                "TOO_LONG",
                "context.library.name",
                "a source has at most 64 bytes, so it is \"segment\" here",
            );
            "segment".to_owned()
        }
        None => "segment".to_owned(),
    }
}

fn properties_of<'c>(call: &Object<'c>) -> Json<'c> {
    call.get("properties").map_or(Json::NOTHING, Json::opened)
}

fn identifiers_of<'c>(kind: Call, call: &Object<'c>, context: &Context<'c>, made: &mut Made<'c>) -> Fields<'c> {
    let mut identifiers: Fields<'c> = Vec::new();
    // Invalid values stay in the message, whose parser reports them.
    let mut add = |kind: Cow<'c, str>, value: &'c RawValue| {
        let value = Json::Sent(value);
        match identifiers.iter_mut().find(|(name, _)| *name == kind) {
            Some((_, Json::List(values))) => values.push(value),
            _ => identifiers.push((kind, Json::List(vec![value]))),
        }
    };
    // SDKs write an empty text for an unknown customer.
    let id = |name: &str| call.get(name).filter(|value| value.get() != "\"\"");
    if let Some(value) = id("userId") {
        add("external_id".into(), value);
    }
    if let Some(value) = id("anonymousId") {
        add("device_id".into(), value);
    }
    if kind == Call::Alias
        && let Some(value) = id("previousId")
    {
        // Before the customer signs in an SDK knows the device only, so the previous ID is a device's.
        add("device_id".into(), value);
    }
    let own_traits = if kind == Call::Identify { inner(call.get("traits")) } else { None };
    for traits in [own_traits, inner(context.get("traits"))].into_iter().flatten() {
        for (name, value) in traits.0 {
            if matches!(&*name, "email" | "phone") {
                add(name, value);
            }
        }
    }
    let Some(external) = context.get("externalIds") else { return identifiers };
    let Ok(external) = serde_json::from_str::<Vec<&RawValue>>(external.get()) else {
        made.leave_out("WRONG_TYPE", "context.externalIds", "it must be a list of objects");
        return identifiers;
    };
    for (n, external) in external.into_iter().enumerate() {
        let external = inner(Some(external)).unwrap_or_else(|| Object(Vec::new()));
        let (Some(name), Some(id)) = (external.get("type").and_then(text), external.get("id")) else {
            let path = format!("context.externalIds[{n}]");
            made.leave_out("WRONG_TYPE", path, "an external ID is an object with an id and a type, which is a string");
            continue;
        };
        let kind = match name.as_str() {
            "user_id" => "external_id".into(),
            "anonymous_id" => "device_id".into(),
            _ => name.into(),
        };
        add(kind, id);
    }
    identifiers
}

/// The deepest nesting of traits that get names with dots.
const MAX_DEPTH: usize = 16;

/// Traits as attributes: standard ones get their names here, nested ones get names with dots, and null removes. RudderStack's SDKs put
/// the traits into the context; of two with one name the call's own counts.
fn attributes_of<'c>(own: Option<&'c RawValue>, of_context: Option<&'c RawValue>, prefix: &str) -> Json<'c> {
    let own = match (inner(own), own) {
        (Some(own), _) => own,
        // The parser of the message reports it.
        (None, Some(own)) => return Json::Sent(own),
        (None, None) => Object(Vec::new()),
    };
    let mut traits = inner(of_context).unwrap_or_else(|| Object(Vec::new()));
    traits.0.retain(|(name, _)| !own.0.iter().any(|(own, _)| own == name));
    traits.0.extend(own.0);

    let mut attributes = Vec::new();
    for (name, value) in &traits.0 {
        let full = format!("{prefix}{name}");
        match full.as_str() {
            // These are identifiers.
            "email" | "phone" => {}
            "name" => attributes.push(("df_name".into(), Json::Sent(value))),
            "gender" => attributes.push(("df_gender".into(), gender_of(value))),
            // The parser of the message turns an instant into a day, as it knows the policy's time zone.
            "birthday" => attributes.push(("df_birth".into(), Json::Sent(value))),
            _ => flatten(full, value, MAX_DEPTH, &mut attributes),
        }
    }
    let is_named = attributes.iter().any(|(name, value)| name == "df_name" && !value.is_null());
    if prefix.is_empty()
        && !is_named
        && let Some(name) = name_of_parts(&traits)
    {
        attributes.retain(|(name, _)| name != "df_name");
        attributes.push(("df_name".into(), name));
    }
    Json::Object(attributes)
}

fn flatten<'c>(name: String, value: &'c RawValue, depth: usize, attributes: &mut Fields<'c>) {
    let is_object = value.get().starts_with('{');
    match inner(Some(value)).filter(|_| is_object && 0 < depth) {
        Some(Object(fields)) => {
            for (field, value) in fields {
                flatten(format!("{name}.{field}"), value, depth - 1, attributes);
            }
        }
        None => attributes.push((name.into(), Json::Sent(value))),
    }
}

/// The full name; null where both parts are null, which removes the name.
fn name_of_parts<'c>(traits: &Object<'c>) -> Option<Json<'c>> {
    let part = |names: [&str; 2]| names.iter().find_map(|name| text(traits.get(name)?)).unwrap_or_default();
    let name = full_name(&part(["firstName", "first_name"]), &part(["lastName", "last_name"]));
    if !name.is_empty() {
        return Some(Json::Text(name));
    }
    let null = |name: &str| {
        let value = traits.0.iter().rev().find(|(it, _)| it == name).map(|(_, value)| *value);
        value.filter(|value| value.get() == "null")
    };
    null("firstName").and(null("lastName")).map(Json::Sent)
}

fn gender_of(value: &RawValue) -> Json<'_> {
    match text(value).map(|text| text.to_lowercase()).as_deref() {
        Some("m") => Json::of_text("Male"),
        Some("f") => Json::of_text("Female"),
        Some("non-binary" | "non binary") => Json::of_text("NonBinary"),
        _ => Json::Sent(value),
    }
}

fn channel_of(call: &Object<'_>, context: &Context<'_>) -> String {
    call.get("channel").or_else(|| context.get("channel")).and_then(text).unwrap_or_default()
}

fn platform_of(call: &Object<'_>, context: &Context<'_>) -> Option<&'static str> {
    let word = |path: &[&str]| context.within(path).and_then(text).unwrap_or_default().to_lowercase();
    let kinds = [word(&["device", "type"]), word(&["os", "name"]), word(&["library", "name"])];
    let says = |what: &str| kinds.iter().any(|it| it.contains(what));
    let channel = channel_of(call, context);
    if says("android") {
        Some("Android")
    } else if says("ios") || says("ipados") || says("analytics-swift") {
        Some("iOS")
    } else if matches!(channel.as_str(), "browser" | "web") || says("analytics.js") || says("analytics-next") {
        Some("Web")
    } else if channel == "server" || says("analytics-") {
        Some("API")
    } else {
        None
    }
}

fn device_of<'c>(context: &Context<'c>, made: &mut Made<'c>) -> Fields<'c> {
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
    for whole in ["device", "os", "network", "location", "library"] {
        let is_other = |value: &RawValue| !value.get().starts_with('{') && !is_empty_list(value.get());
        if context.get(whole).is_some_and(is_other) {
            made.leave_out("WRONG_TYPE", format!("context.{whole}"), "it must be an object");
        }
    }
    // RudderStack's SDKs for browsers write an empty text for what they do not know.
    let sent = |path: &[&str]| context.within(path).filter(|value| !matches!(value.get(), "null" | "\"\""));
    FIELDS.iter().filter_map(|(name, path)| Some(((*name).into(), Json::Sent(sent(path)?)))).collect()
}

#[cfg(test)]
mod tests;
