//! JSON objects read field by field, so that every fault can be named by its path and the digits of numbers are kept.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    identifier::{clean, nobody::names_nothing},
    message::{Refusal, RefusalCode, refusal},
};

/// The fields of an object as they stand in the text; where a name is there twice, both.
#[derive(Debug)]
pub(crate) struct Object<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

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
    /// The last value of that name that is not null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(it, _)| it == name).map(|(_, value)| *value).filter(|it| it.get() != "null")
    }
}

/// Reads a value that must be an object.
pub(crate) fn object<'a>(raw: &'a RawValue, path: &str) -> Result<Object<'a>, Refusal> {
    serde_json::from_str(raw.get()).map_err(|_| refusal(RefusalCode::WrongType, path, "it must be an object"))
}

/// A value where a text is expected.
pub(crate) enum Scalar<'a> {
    /// A string, or a number or boolean in its own digits.
    Text(Cow<'a, str>),
    Null,
    Other,
}

pub(crate) fn scalar_text(raw: &RawValue) -> Scalar<'_> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<Cow<'_, str>>(text) {
            Ok(it) => Scalar::Text(it),
            Err(_) => Scalar::Other,
        },
        Some(b'n') => Scalar::Null,
        Some(b'[' | b'{') | None => Scalar::Other,
        Some(_) => Scalar::Text(Cow::Borrowed(text)),
    }
}

/// The fields of one object, with the path to it.
pub(crate) struct Fields<'o, 'a> {
    pub object: &'o Object<'a>,
    pub path: &'o str,
}

impl<'a> Fields<'_, 'a> {
    pub(crate) fn path_to(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn optional(&self, name: &str) -> Option<&'a RawValue> {
        self.object.get(name)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&'a RawValue, Refusal> {
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

    /// A string of at most `max_bytes` bytes, in the form in which identifiers are compared; none where it is missing, null or
    /// empty.
    pub(crate) fn optional_text(&self, name: &str, max_bytes: usize) -> Result<Option<Arc<str>>, Refusal> {
        let Some(raw) = self.optional(name) else { return Ok(None) };
        let Ok(text) = serde_json::from_str::<Cow<'_, str>>(raw.get()) else {
            return Err(refusal(RefusalCode::WrongType, self.path_to(name), "it must be a string"));
        };
        self.bounded(name, &text, max_bytes)
    }

    /// As [`Fields::optional_text`], and a number is taken in its own digits.
    pub(crate) fn optional_key(&self, name: &str, max_bytes: usize) -> Result<Option<Arc<str>>, Refusal> {
        let Some(raw) = self.optional(name) else { return Ok(None) };
        match scalar_text(raw) {
            Scalar::Text(text) => self.bounded(name, &text, max_bytes),
            Scalar::Null => Ok(None),
            Scalar::Other => Err(refusal(RefusalCode::WrongType, self.path_to(name), "it must be a string")),
        }
    }

    /// As [`Fields::optional_key`]; a value that means none is none.
    pub(crate) fn optional_id(&self, name: &str, max_bytes: usize) -> Result<Option<Arc<str>>, Refusal> {
        Ok(self.optional_key(name, max_bytes)?.filter(|it| names_nothing(it).is_none()))
    }

    fn bounded(&self, name: &str, text: &str, max_bytes: usize) -> Result<Option<Arc<str>>, Refusal> {
        let text = &*clean(text);
        if max_bytes < text.len() {
            let detail = format!("it has {} bytes; at most {max_bytes} are taken", text.len());
            return Err(refusal(RefusalCode::TooLong, self.path_to(name), detail));
        }
        Ok((!text.is_empty()).then(|| Arc::from(text)))
    }
}
