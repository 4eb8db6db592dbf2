//! JSON objects read field by field, so that every fault can be named by its path and the digits of numbers are kept.

use std::{borrow::Cow, fmt, sync::Arc};

use profile360_compact_json::sort::sort_by;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    refusal::{Refusal, RefusalCode, refusal},
    spans::{Members, Raw},
};
use crate::identifier::{blocked_value::names_nothing, text::clean};

/// The fields of an object in the order of the text, repeated names included.
#[derive(Debug)]
pub struct Object<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    pairs.push((name, value));
                }
                Ok(Object(pairs))
            }
        }

        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        deserializer.deserialize_map(Pairs)
    }
}

impl<'a> Object<'a> {
    /// A name that is there twice: the first such one, in byte order.
    pub fn repeated(&self) -> Option<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_ref()).collect();
        sort_by(&mut names, Ord::cmp);
        names.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first().copied())
    }

    /// The last value of that name that is not null.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(it, _)| it == name).map(|(_, value)| *value).filter(|it| it.get() != "null")
    }
}

/// JSON text without halves of surrogate pairs. JavaScript cuts texts by halves of a character and writes the rest as `\ud83d`,
/// which is no character and no valid UTF-8: each is replaced by U+FFFD, as browsers do.
pub fn whole_characters(json: &str) -> Cow<'_, str> {
    if !json.contains("\\u") {
        return Cow::Borrowed(json);
    }
    let unit_at = |at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|it| it.is_ascii_hexdigit()))
    };
    let mut whole = String::new();
    let mut n_copied = 0;
    let mut at = 0;
    while let Some(found) = json.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        let is_low = |unit: Option<u32>| unit.is_some_and(|it| (0xdc00..0xe000).contains(&it));
        at += match unit_at(at) {
            Some(0xd800..0xdc00) if is_low(unit_at(at + 6)) => 12,
            Some(0xd800..0xe000) => {
                whole.push_str(json.get(n_copied..at).unwrap_or_default());
                whole.push_str("\\ufffd");
                n_copied = at + 6;
                6
            }
            Some(_) => 6,
            // Another escape is two characters, of which the second may be a backslash.
            None => 1 + json.get(at + 1..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8),
        };
    }
    if n_copied == 0 {
        return Cow::Borrowed(json);
    }
    whole.push_str(json.get(n_copied..).unwrap_or_default());
    Cow::Owned(whole)
}

/// How many digits of a number count: those without zeros at either end.
pub(crate) fn significant_digits(number: &str) -> usize {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let is_zero = |digit: &&u8| **digit == b'0';
    let n_zeros = digits.iter().take_while(is_zero).count() + digits.iter().rev().take_while(is_zero).count();
    digits.len().saturating_sub(n_zeros)
}

/// The fields of a text that is an object.
pub(crate) fn object_of(text: &str) -> serde_json::Result<Object<'_>> {
    serde_json::from_str(text)
}

/// Reads a value that must be an object.
pub(crate) fn object<'a>(raw: Raw<'a>, path: &dyn fmt::Display) -> Result<Members<'a>, Refusal> {
    raw.members().ok_or_else(|| refusal(RefusalCode::WrongType, path.to_string(), "it must be an object"))
}

/// A value where a text is expected.
pub(crate) enum Scalar<'a> {
    /// A string, or a number or boolean in its own digits.
    Text(Cow<'a, str>),
    Null,
    Other,
}

pub(crate) fn scalar_text(raw: Raw<'_>) -> Scalar<'_> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'"') => raw.string().map_or(Scalar::Other, Scalar::Text),
        Some(b'n') => Scalar::Null,
        Some(b'[' | b'{') | None => Scalar::Other,
        Some(_) => Scalar::Text(Cow::Borrowed(text)),
    }
}

/// The fields of one object, with the path to it.
pub(crate) struct Fields<'o, 'a> {
    pub object: &'o Members<'a>,
    pub path: &'o dyn fmt::Display,
}

impl<'a> Fields<'_, 'a> {
    pub(crate) fn path_to(&self, name: &str) -> String {
        let path = self.path.to_string();
        if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
    }

    pub(crate) fn optional(&self, name: &str) -> Option<Raw<'a>> {
        self.object.get(name)
    }

    pub(crate) fn required(&self, name: &str) -> Result<Raw<'a>, Refusal> {
        self.optional(name).ok_or_else(|| {
            refusal(RefusalCode::MissingField, self.path_to(name), "the field is missing; a message needs it")
        })
    }

    /// A string of 1 to `max_bytes` bytes.
    pub(crate) fn required_text(&self, name: &str, max_bytes: usize) -> Result<Arc<str>, Refusal> {
        self.required(name)?;
        self.optional_text(name, max_bytes)?.ok_or_else(|| {
            refusal(RefusalCode::MissingField, self.path_to(name), "the field is empty; a message needs it")
        })
    }

    /// As [`Fields::required_text`], and a number is accepted in its own digits.
    pub(crate) fn required_key(&self, name: &str, max_bytes: usize) -> Result<Arc<str>, Refusal> {
        self.required(name)?;
        self.optional_key(name, max_bytes)?.ok_or_else(|| {
            refusal(RefusalCode::MissingField, self.path_to(name), "the field is empty; a message needs it")
        })
    }

    /// A string of at most `max_bytes` bytes, in the form in which identifiers are compared; none where it is missing, null or
    /// empty.
    pub(crate) fn optional_text(&self, name: &str, max_bytes: usize) -> Result<Option<Arc<str>>, Refusal> {
        let Some(raw) = self.optional(name) else { return Ok(None) };
        let Some(text) = raw.string() else {
            return Err(refusal(RefusalCode::WrongType, self.path_to(name), "it must be a string"));
        };
        Ok(self.bounded(name, text, max_bytes)?.map(|it| Arc::from(&*it)))
    }

    /// As [`Fields::optional_text`], and a number is accepted in its own digits.
    pub(crate) fn optional_key(&self, name: &str, max_bytes: usize) -> Result<Option<Arc<str>>, Refusal> {
        Ok(self.optional_words(name, max_bytes)?.map(|it| Arc::from(&*it)))
    }

    /// As [`Fields::optional_key`], and not copied where it is in the message as it is kept.
    pub(crate) fn optional_words(&self, name: &str, max_bytes: usize) -> Result<Option<Cow<'a, str>>, Refusal> {
        self.words(name, self.optional(name), max_bytes)
    }

    /// As [`Fields::optional_words`], of the field of that name.
    pub(crate) fn words(
        &self,
        name: &str,
        raw: Option<Raw<'a>>,
        max_bytes: usize,
    ) -> Result<Option<Cow<'a, str>>, Refusal> {
        let Some(raw) = raw else { return Ok(None) };
        match scalar_text(raw) {
            Scalar::Text(text) => self.bounded(name, text, max_bytes),
            Scalar::Null => Ok(None),
            Scalar::Other => Err(refusal(RefusalCode::WrongType, self.path_to(name), "it must be a string")),
        }
    }

    /// As [`Fields::optional_key`]; a value that means none is none.
    pub(crate) fn optional_id(&self, name: &str, max_bytes: usize) -> Result<Option<Arc<str>>, Refusal> {
        let words = self.optional_words(name, max_bytes)?.filter(|it| names_nothing(it).is_none());
        Ok(words.map(|it| Arc::from(&*it)))
    }

    fn bounded(&self, name: &str, text: Cow<'a, str>, max_bytes: usize) -> Result<Option<Cow<'a, str>>, Refusal> {
        let text = match text {
            Cow::Borrowed(text) => clean(text),
            Cow::Owned(text) => Cow::Owned(clean(&text).into_owned()),
        };
        if max_bytes < text.len() {
            let detail = format!("it has {} bytes; at most {max_bytes} are taken", text.len());
            return Err(refusal(RefusalCode::TooLong, self.path_to(name), detail));
        }
        Ok((!text.is_empty()).then_some(text))
    }
}

/// The most levels that properties nest. Deeper ones cannot be shown.
pub const MAX_DEPTH: usize = 100;

/// How deep a JSON text nests.
#[cfg(test)]
pub(super) fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut is_in_text = false;
    let mut is_escaped = false;
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_in_text,
            b'"' => is_in_text = !is_in_text,
            b'{' | b'[' if !is_in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !is_in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
