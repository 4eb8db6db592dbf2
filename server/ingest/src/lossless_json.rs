//! JSON that a parser of values cannot hold: a number with more digits than 64 bits keep, a value that is nested too deeply, a
//! duplicate field.
//!
//! GraphQL has such a parser, and one bad message must not fail the other messages of its request. So each such value is marked before
//! the request is parsed, and the text of its message gets the original back, which the parser of messages then judges.

use std::borrow::Cow;

use profile360_core::message::syntax::{Object, whole_characters};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

/// The name of the only field of an object that means its text, and the prefix of a duplicate name. It is a noncharacter, which no text
/// contains.
const MARK: char = '\u{fdd0}';
/// Deeper values are marked.
const MAX_DEPTH: usize = 64;

/// A request with every value marked that cannot be held; unchanged where it is malformed. `outer` is the number of objects around
/// the values of its variables: a duplicate field in one of these is a fault of the request, and not of a message.
pub fn mark(text: &[u8], outer: usize, is_kept: fn(&str) -> bool) -> Cow<'_, [u8]> {
    let Ok(whole) = std::str::from_utf8(text).map(whole_characters) else { return Cow::Borrowed(text) };
    let mut marking = Marking { outer, is_kept, out: String::with_capacity(whole.len()) };
    match serde_json::from_str::<&RawValue>(&whole).ok().and_then(|value| marking.mark(value.get(), 0)) {
        Some(()) => Cow::Owned(marking.out.into_bytes()),
        None => Cow::Borrowed(text),
    }
}

struct Marking {
    outer: usize,
    is_kept: fn(&str) -> bool,
    out: String,
}

impl Marking {
    fn mark(&mut self, value: &str, depth: usize) -> Option<()> {
        let is_number = value.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        let is_container = value.starts_with(['{', '[']);
        if (is_number && !(self.is_kept)(value)) || (is_container && depth == MAX_DEPTH) {
            let text = Value::from(value);
            self.out.push_str(&format!("{{\"{MARK}\":{text}}}"));
        } else if value.starts_with('{') {
            let mut names = std::collections::HashSet::new();
            let Object(fields) = serde_json::from_str(value).ok()?;
            self.out.push('{');
            for (n, (name, value)) in fields.into_iter().enumerate() {
                let is_again = !names.insert(name.clone());
                if is_again && depth < self.outer {
                    return None;
                }
                self.out.push_str(if n == 0 { "" } else { "," });
                let name = if is_again { format!("{MARK}{name}") } else { name.into_owned() };
                self.out.push_str(&format!("{}:", Value::from(name)));
                self.mark(value.get(), depth + 1)?;
            }
            self.out.push('}');
        } else if value.starts_with('[') {
            self.out.push('[');
            for (n, item) in serde_json::from_str::<Vec<&RawValue>>(value).ok()?.into_iter().enumerate() {
                self.out.push_str(if n == 0 { "" } else { "," });
                self.mark(item.get(), depth + 1)?;
            }
            self.out.push(']');
        } else {
            self.out.push_str(value);
        }
        Some(())
    }
}

/// Whether a value of a marked request is one that cannot be held.
pub fn is_marked(value: &str) -> bool {
    value.strip_prefix("{\"").is_some_and(|rest| rest.starts_with(MARK))
}

/// The text of a marked value.
fn marked_text(fields: &Map<String, Value>) -> Option<&str> {
    if fields.len() != 1 {
        return None;
    }
    let text = fields.get(MARK.encode_utf8(&mut [0; 4]))?.as_str()?;
    serde_json::from_str::<&RawValue>(text).ok().map(|_| text)
}

/// The text of a value, with the original of every marked value.
pub fn unmark(value: &Value) -> String {
    let mut text = Vec::new();
    write_unmarked(value, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

fn write_unmarked(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Object(fields) => {
            if let Some(original) = marked_text(fields) {
                text.extend_from_slice(original.as_bytes());
                return;
            }
            text.push(b'{');
            for (n, (name, value)) in fields.iter().enumerate() {
                if 0 < n {
                    text.push(b',');
                }
                write_scalar(name.trim_start_matches(MARK), text);
                text.push(b':');
                write_unmarked(value, text);
            }
            text.push(b'}');
        }
        Value::Array(items) => {
            text.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if 0 < n {
                    text.push(b',');
                }
                write_unmarked(item, text);
            }
            text.push(b']');
        }
        scalar => write_scalar(scalar, text),
    }
}

fn write_scalar(value: &(impl Serialize + ?Sized), text: &mut Vec<u8>) {
    // A text that is written to memory cannot fail.
    serde_json::to_writer(text, value).ok();
}

/// A value, or the nearest float for a marked number.
pub fn nearest(value: Value) -> Value {
    let number = value.as_object().and_then(marked_text).and_then(|text| text.parse::<f64>().ok());
    number.map_or(value, Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_values_are_unmarked() {
        let deep = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
        for message in [
            r#"{"a":0.12345678901234567891,"b":[1e999,-1],"c":{"d":18446744073709551616}}"#.to_owned(),
            r#"{"a":1,"a":{"b":1,"b":2}}"#.to_owned(),
            format!(r#"{{"a":{deep}}}"#),
        ] {
            let request = format!(r#"{{"variables":{{"m":{message}}}}}"#);
            let marked = mark(request.as_bytes(), 2, |number| number.len() < 10 && !number.contains('e'));
            let value: Value = serde_json::from_slice(&marked).expect("every reader can hold it");
            assert_eq!(unmark(&value), request);
        }
        assert_eq!(mark(br#"{"a":"cut \ud83d"}"#, 2, |_| true), &b"{\"a\":\"cut \\ufffd\"}"[..]);
        for (request, outer) in [
            (&br#"{"query":1,"query":2}"#[..], 2),
            (br#"{"variables":{"m":1,"m":2}}"#, 2),
            (br#"{"m":1,"m":2}"#, 1),
            (b"{\"a\":", 2),
            (b"\xff", 2),
        ] {
            assert_eq!(mark(request, outer, |_| true), request, "its reader says what is wrong with all of it");
        }
        for (value, is) in [("1e300", true), ("{\"m\":1e300}", false), ("{}", false), ("[]", false)] {
            let marked = mark(value.as_bytes(), 1, |number| !number.contains('e'));
            assert_eq!(is_marked(&String::from_utf8_lossy(&marked)), is, "{value}");
        }
        assert_eq!(
            nearest(serde_json::json!({ "\u{fdd0}": "12345678901234567890123" })),
            12_345_678_901_234_567_890_123.0
        );
    }
}
