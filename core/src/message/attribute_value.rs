//! Values of attributes, in canonical JSON text, and their order.

use std::{cmp::Ordering, sync::Arc};

use profile360_compact_json::json_writer::to_text;
use serde::{Deserialize, Serialize};

use crate::json_value::JsonValue;

/// The value of an attribute: a string, number, boolean or list of those, or null where it is unset, in canonical JSON text.
///
/// The text is what is compared for equality, stored as a key and sent to the browser.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttributeValue(Arc<str>);

impl AttributeValue {
    /// Accepts a scalar, a list of scalars or null; `None` for objects, nested lists and lists that hold null.
    pub fn new(value: &serde_json::Value) -> Option<Self> {
        use serde_json::Value::{Array, Bool, Null, Number, String};
        let is_scalar = |it: &serde_json::Value| matches!(it, String(_) | Number(_) | Bool(_));
        let is_fit = match value {
            Array(items) => items.iter().all(is_scalar),
            Null => true,
            scalar => is_scalar(scalar),
        };
        is_fit.then(|| Self(Arc::from(value.to_string())))
    }

    /// Whether this says that the attribute has no value any more.
    pub fn is_unset(&self) -> bool {
        &*self.0 == "null"
    }

    /// The canonical JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The value as serde_json has it.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or(serde_json::Value::Null)
    }

    /// The text of a string value; `None` for every other type.
    pub fn to_text(&self) -> Option<String> {
        if let Ok(JsonValue::Text(text)) = JsonValue::parse(&self.0) { Some(text) } else { None }
    }

    /// A string value.
    pub(crate) fn of_text(text: &str) -> Self {
        // A text always makes JSON.
        Self(Arc::from(to_text(&text).unwrap_or_else(|_| "\"\"".to_owned())))
    }

    /// A list of scalars.
    pub(crate) fn list<'v>(values: impl Iterator<Item = &'v Self>) -> Self {
        let texts: Vec<&str> = values.map(Self::as_json).collect();
        Self(Arc::from(format!("[{}]", texts.join(","))))
    }

    /// The items of a list, or the value itself where it is a scalar.
    pub(crate) fn items(&self) -> Vec<Self> {
        if !self.0.starts_with('[') {
            return vec![self.clone()];
        }
        let Ok(JsonValue::List(items)) = JsonValue::parse(&self.0) else { return Vec::new() };
        items.iter().filter_map(|it| Some(Self(Arc::from(to_text(it).ok()?)))).collect()
    }
}

/// Values in ascending order: booleans (false, true), then numbers by size, then texts by code point, then lists by their
/// JSON text. Numbers that are written differently but equal are equal.
pub(crate) fn compare(a: &AttributeValue, b: &AttributeValue) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match (Comparable::of(a), Comparable::of(b)) {
        (Comparable::Number(a), Comparable::Number(b)) => a.compare(&b),
        (Comparable::Boolean(a), Comparable::Boolean(b)) => a.cmp(&b),
        (Comparable::Text(a), Comparable::Text(b)) => a.cmp(&b),
        (Comparable::List(a), Comparable::List(b)) => a.cmp(b),
        (a, b) => a.type_rank().cmp(&b.type_rank()),
    }
}

/// As [`compare`]; of equal numbers the one whose text comes first is the smaller.
pub(crate) fn compare_strictly(a: &AttributeValue, b: &AttributeValue) -> Ordering {
    compare(a, b).then_with(|| a.cmp(b))
}

enum Comparable<'a> {
    Boolean(bool),
    Number(Number),
    Text(String),
    List(&'a str),
}

impl<'a> Comparable<'a> {
    fn of(value: &'a AttributeValue) -> Self {
        let text = value.as_json();
        match text.as_bytes().first() {
            Some(b'"') => Self::Text(value.to_text().unwrap_or_default()),
            Some(b'[') => Self::List(text),
            Some(b't' | b'f') => Self::Boolean(text == "true"),
            _ => Self::Number(Number::of(text)),
        }
    }

    const fn type_rank(&self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
            Self::List(_) => 3,
        }
    }
}

/// A JSON number, exactly: 0.digits × 10^exponent.
struct Number {
    is_negative: bool,
    exponent: i64,
    /// Without zeros at either end; none of 0, and of -0.
    digits: String,
}

impl Number {
    fn of(text: &str) -> Self {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |it| (true, it));
        let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let digits = all.trim_start_matches('0');
        let lengths = [whole.len(), all.len() - digits.len()].map(|it| i64::try_from(it).unwrap_or(i64::MAX));
        let power: i64 = power.trim_start_matches('+').parse().unwrap_or_default();
        let digits = digits.trim_end_matches('0').to_owned();
        Self {
            is_negative: is_negative && !digits.is_empty(),
            exponent: power.saturating_add(lengths[0]).saturating_sub(lengths[1]),
            digits,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let magnitude = |it: &Self| (!it.digits.is_empty()).then_some(it.exponent);
        let by_size = || (magnitude(self), &self.digits).cmp(&(magnitude(other), &other.digits));
        match (self.is_negative, other.is_negative) {
            (false, false) => by_size(),
            (true, true) => by_size().reverse(),
            (a, b) => b.cmp(&a),
        }
    }
}
