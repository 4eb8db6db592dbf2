//! Splits the calls of other APIs into raw JSON, and builds messages from it.
//!
//! The splitter counts brackets and quotes, and parses nothing between them. So a list splits into its items even if one of them is
//! malformed, and a number keeps all of its digits in the message. serde_json's `RawValue` cannot do the first: one bad item fails the
//! list.

use std::borrow::Cow;

use profile360_core::message::{
    limits::MAX_NAME_BYTES,
    refusal::{Refusal, RefusalCode, Warning},
    syntax::{Object, whole_characters},
};
use profile360_ingest::framing::made_id;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::engine::ingest::Batch;

/// Why a body cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPieces {
    #[error("the body is not a JSON object")]
    NoObject,
    #[error("the body is not valid JSON: a bracket, comma or colon is missing, or something follows the end")]
    Malformed,
    #[error("the body has a field twice; send it once")]
    Twice,
}

/// The fields of an object, as raw JSON.
#[derive(Debug)]
pub(super) struct Pieces<'a>(Vec<(String, &'a [u8])>);

impl<'a> Pieces<'a> {
    /// Splits a body.
    ///
    /// # Errors
    ///
    /// The body is not an object, or its fields cannot be separated.
    pub(super) fn of(body: &'a [u8]) -> Result<Self, NoPieces> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let mut rest = Rest(body);
        if rest.skip_space() != Some(b'{') {
            return Err(NoPieces::NoObject);
        }
        let mut fields: Vec<(String, &[u8])> = Vec::new();
        rest.members(b'}', |rest| {
            let name = std::str::from_utf8(rest.value()?).map_err(|_| NoPieces::Malformed)?;
            let name: String = serde_json::from_str(&whole_characters(name)).map_err(|_| NoPieces::Malformed)?;
            if rest.skip_space() != Some(b':') {
                return Err(NoPieces::Malformed);
            }
            rest.skip(1);
            rest.skip_space();
            let value = rest.value()?;
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(NoPieces::Twice);
            }
            fields.push((name, value));
            Ok(())
        })?;
        if rest.skip_space().is_some() { Err(NoPieces::Malformed) } else { Ok(Self(fields)) }
    }

    /// The raw value of a field; none where the field is missing or null.
    pub(super) fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value).filter(|value| *value != b"null")
    }

    /// The value of a field, where it is valid JSON.
    pub(super) fn json(&self, name: &str) -> Option<&'a RawValue> {
        serde_json::from_slice(self.get(name)?).ok()
    }
}

/// The items of a list, as raw JSON; none where the text is not a list.
pub(super) fn items(list: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = Rest(list);
    if rest.skip_space() != Some(b'[') {
        return None;
    }
    let mut items = Vec::new();
    rest.members(b']', |rest| {
        items.push(rest.value()?);
        Ok(())
    })
    .ok()?;
    Some(items)
}

/// The rest of a text that is not split yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn skip(&mut self, n: usize) {
        self.0 = self.0.get(n..).unwrap_or_default();
    }

    /// Skips white space; returns the next byte.
    fn skip_space(&mut self) -> Option<u8> {
        self.skip(self.0.iter().take_while(|byte| byte.is_ascii_whitespace()).count());
        self.0.first().copied()
    }

    /// Splits the members between brackets, starting at the opening one.
    fn members(
        &mut self,
        closing: u8,
        mut member: impl FnMut(&mut Self) -> Result<(), NoPieces>,
    ) -> Result<(), NoPieces> {
        self.skip(1);
        if self.skip_space() == Some(closing) {
            self.skip(1);
            return Ok(());
        }
        loop {
            self.skip_space();
            member(self)?;
            match self.skip_space() {
                Some(byte) if byte == closing => {
                    self.skip(1);
                    return Ok(());
                }
                Some(b',') => self.skip(1),
                _ => return Err(NoPieces::Malformed),
            }
        }
    }

    fn value(&mut self) -> Result<&'a [u8], NoPieces> {
        let mut depth = 0_usize;
        let mut is_in_text = false;
        let mut is_escaped = false;
        let mut n = 0;
        for byte in self.0 {
            let mut is_over = false;
            if is_in_text {
                match byte {
                    _ if std::mem::take(&mut is_escaped) => {}
                    b'\\' => is_escaped = true,
                    b'"' => {
                        is_in_text = false;
                        is_over = depth == 0;
                    }
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => is_in_text = true,
                    b'{' | b'[' => depth += 1,
                    // These belong to the enclosing object or list.
                    b',' | b':' | b'}' | b']' if depth == 0 => break,
                    _ if depth == 0 && byte.is_ascii_whitespace() => break,
                    b'}' | b']' => {
                        depth -= 1;
                        is_over = depth == 0;
                    }
                    _ => {}
                }
            }
            n += 1;
            if is_over {
                break;
            }
        }
        if n == 0 || is_in_text || 0 < depth {
            return Err(NoPieces::Malformed);
        }
        let (value, rest) = self.0.split_at(n);
        self.0 = rest;
        Ok(value)
    }
}

/// The text of a call.
///
/// # Errors
///
/// The call is not UTF-8.
pub(super) fn text_of(call: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    let text = std::str::from_utf8(call).map_err(|_| not_json("it is not UTF-8; send it as UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}');
    // Half a surrogate pair in one name would make all others unreadable.
    let can_be_read = !text.contains("\\u") || serde_json::from_str::<Object<'_>>(text).is_ok();
    Ok(if can_be_read { Cow::Borrowed(text) } else { whole_characters(text) })
}

/// The ID of a call, where it is valid.
pub(super) fn id_of(call: &[u8], name: &str) -> Option<String> {
    let id: String = serde_json::from_str(Pieces::of(call).ok()?.json(name)?.get()).ok()?;
    (id.len() <= MAX_NAME_BYTES).then_some(id)
}

/// The fields of a call.
///
/// # Errors
///
/// The call is not an object, or has a field twice, which is ambiguous.
pub(super) fn fields_of(call: &str) -> Result<Object<'_>, Refusal> {
    let call: Object<'_> = serde_json::from_str(call)
        .map_err(|error| not_json(if error.is_data() { "it is not a JSON object" } else { "it is not valid JSON" }))?;
    match call.repeated() {
        Some(twice) => Err(Refusal {
            code: RefusalCode::DuplicateField,
            path: twice.chars().take(MAX_NAME_BYTES).collect(),
            detail: "the field appears twice; send it once".to_owned(),
        }),
        None => Ok(call),
    }
}

fn not_json(detail: &str) -> Refusal {
    Refusal { code: RefusalCode::NotJson, path: String::new(), detail: detail.to_owned() }
}

/// The fields of a value, where it is an object. PHP writes an empty list for an empty object.
pub(super) fn inner<'a>(value: Option<&'a RawValue>) -> Option<Object<'a>> {
    let value = value?.get();
    if is_empty_list(value) {
        return Some(Object(Vec::new()));
    }
    serde_json::from_str(value).ok()
}

pub(super) fn is_empty_list(value: &str) -> bool {
    value.strip_prefix('[').is_some_and(|rest| rest.trim_start() == "]")
}

/// The text of a string that is not empty.
pub(super) fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str::<String>(&whole_characters(value.get())).ok().filter(|text| !text.is_empty())
}

/// The text of a string, or a number with all of its digits.
pub(super) fn text_or_digits(value: &RawValue) -> Option<String> {
    let is_number = value.get().starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if is_number { Some(value.get().to_owned()) } else { text(value) }
}

/// JSON that is built from raw values of a call and from new texts.
#[derive(Debug, Clone)]
pub(super) enum Json<'a> {
    Sent(&'a RawValue),
    Text(String),
    List(Vec<Self>),
    Object(Fields<'a>),
}

/// The fields of an object that is built.
pub(super) type Fields<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

impl Json<'_> {
    pub(super) const NOTHING: Self = Self::Object(Vec::new());

    pub(super) fn of_text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> Json<'a> {
    /// The fields of a raw object; any other value unchanged.
    pub(super) fn opened(value: &'a RawValue) -> Self {
        match inner(Some(value)) {
            Some(Object(fields)) => {
                Self::Object(fields.into_iter().map(|(name, value)| (name, Self::Sent(value))).collect())
            }
            None => Self::Sent(value),
        }
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Sent(value) => value.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
    }
}

/// Renames fields to the names that they have here. Of several for one name the first that is present and not null counts.
pub(super) fn rename(fields: &mut Fields<'_>, names: &[(&'static str, &'static str)]) {
    for (theirs, ours) in names {
        if fields.iter().any(|(name, _)| name == ours) {
            continue;
        }
        // All fields of that name, so that the parser of the message reports a duplicate.
        for (name, _) in fields.iter_mut().filter(|(name, value)| name == theirs && !value.is_null()) {
            *name = Cow::Borrowed(*ours);
        }
    }
}

impl Json<'_> {
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Sent(value) if value.get() == "null")
    }
}

/// The message of a call of another API.
#[derive(Debug, Default)]
pub(super) struct Made<'a> {
    pub message: Fields<'a>,
    /// The index of the call in its request, where only that distinguishes two equal calls.
    pub position: Option<usize>,
    /// The parts of the call that the message leaves out.
    pub warnings: Vec<Warning>,
}

impl<'a> Made<'a> {
    pub(super) fn add(&mut self, name: &'static str, value: Json<'a>) {
        self.message.push((Cow::Borrowed(name), value));
    }

    pub(super) fn leave_out(&mut self, code: &'static str, path: impl Into<String>, why: &str) {
        self.warnings.push(Warning { code, path: path.into(), detail: format!("{why}; it was left out") });
    }

    /// Parses the message and adds it to a batch. `id` is what a refusal names, if the call has an ID.
    pub(super) fn add_to(self, batch: &mut Batch, id: impl FnOnce() -> Option<String>) {
        let (text, warnings, is_id_made) = self.into_text();
        let parsed = batch.parse(&text).map(|mut accepted| {
            accepted.warnings.extend(warnings);
            accepted.is_id_made = is_id_made;
            accepted
        });
        batch.add(parsed.map_err(|refusal| (id().or_else(|| id_of(text.as_bytes(), "message_id")), refusal)));
    }

    /// The message as text, its warnings, and whether it got a derived ID: a message without one gets an ID that depends on its contents
    /// only, so that the same call again changes nothing.
    pub(super) fn into_text(self) -> (String, Vec<Warning>, bool) {
        let Self { mut message, position, warnings } = self;
        let is_missing = |(name, value): &(Cow<'_, str>, Json<'_>)| name == "message_id" && value.is_null();
        message.retain(|field| !is_missing(field));
        let has_id = message.iter().any(|(name, _)| name == "message_id");
        let text = |message: Fields<'_>| serde_json::to_string(&Json::Object(message)).unwrap_or_default();
        if has_id {
            return (text(message), warnings, false);
        }
        let without_id = text(message.clone());
        let contents = serde_json::from_str::<serde_json::Value>(&without_id).ok().filter(|_| {
            // Calls that differ only in digits beyond 64 bits are different calls.
            profile360_ingest::strict_json::keeps_digits(without_id.as_bytes())
        });
        let made = made_id(&match contents {
            Some(contents) => serde_json::json!([position, contents]),
            None => serde_json::json!([position, without_id]),
        });
        message.push((Cow::Borrowed("message_id"), Json::Text(made)));
        (text(message), warnings, true)
    }
}

#[cfg(test)]
pub(super) fn made_as_value(made: Made<'_>) -> serde_json::Value {
    serde_json::to_value(Json::Object(made.message)).expect("it is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_with_a_malformed_item_is_split() {
        let body = b"\xef\xbb\xbf {\"batch\": [{\"a\": NaN}, {\"b\": \"cut \\ud83d\"}, {\"c\": \"\xff\"}, {\"d\": 1, \"d\": 2}, 7, [],\n{\"]\\\"}\": [{}]}], \"sentAt\" : null ,\"n\":1e999}";
        let pieces = Pieces::of(body).expect("it is an object");
        let list = items(pieces.get("batch").expect("it is there")).expect("it is a list");
        let list: Vec<String> = list.into_iter().map(|item| String::from_utf8_lossy(item).into_owned()).collect();
        assert_eq!(
            list,
            [
                "{\"a\": NaN}",
                "{\"b\": \"cut \\ud83d\"}",
                "{\"c\": \"\u{fffd}\"}",
                "{\"d\": 1, \"d\": 2}",
                "7",
                "[]",
                "{\"]\\\"}\": [{}]}"
            ]
        );
        assert_eq!((pieces.get("sentAt"), pieces.get("n")), (None, Some(&b"1e999"[..])));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Pieces::of(deep.as_bytes()).is_ok(), "the splitter does not recurse");
        for (bad, fault) in [
            ("", NoPieces::NoObject),
            ("[1]", NoPieces::NoObject),
            ("{\"a\" 1}", NoPieces::Malformed),
            ("{\"a\": 1", NoPieces::Malformed),
            ("{\"a\": 1,}", NoPieces::Malformed),
            ("{\"a\": [1}", NoPieces::Malformed),
            ("{\"a\": \"}", NoPieces::Malformed),
            ("{\"a\": 1} {}", NoPieces::Malformed),
            ("{a: 1}", NoPieces::Malformed),
            ("{\"a\": 1, \"\\u0061\": 2}", NoPieces::Twice),
        ] {
            assert_eq!(Pieces::of(bad.as_bytes()).map(|_| ()), Err(fault), "{bad}");
        }
        assert_eq!(items(b"{}"), None);
        assert_eq!(items(b"[1 2]"), None);
    }

    #[test]
    fn a_message_without_an_id_gets_one_derived_from_its_contents() {
        let made = |amount: &str, position: Option<usize>| {
            let amount = RawValue::from_string(amount.to_owned()).expect("it is JSON");
            let (text, ..) =
                Made { message: vec![("a".into(), Json::Sent(&amount))], position, warnings: Vec::new() }.into_text();
            assert!(text.contains("\"a\":") && text.contains("made-"), "{text}");
            text.rsplit("made-").next().unwrap_or_default().to_owned()
        };
        assert_eq!(made("1", None), made("1", None));
        for (other, position) in [("2", None), ("1", Some(0))] {
            assert_ne!(made("1", None), made(other, position));
        }
        assert_ne!(made("0.123456789012345678901", None), made("0.123456789012345678902", None));
        // As earlier versions derived it from the same call.
        let before = made_id(&serde_json::json!([null, { "a": 1 }]));
        assert!(made("1", None).starts_with(before.trim_start_matches("made-")));
    }
}
