//! JSON that a reader of values cannot hold: a number of more digits than 64 bits keep, a value nested too deeply, a field that is
//! there twice.
//!
//! GraphQL's values are such a reader, and a request holds many messages. So each such place is marked before the request is read, and
//! is as it was in the text of the one message that it is in, which is then judged as any other.

use std::borrow::Cow;

use profile360_core::message::syntax::{Object, whole_characters};
use serde_json::{Map, Value, value::RawValue};

/// The name of the only field of a value that stands for its text, and what is in front of a name that is there again. No text of
/// people's has this character.
const MARK: char = '\u{fdd0}';
/// How deep values are that are read as values.
const MAX_DEPTH: usize = 64;
/// In so many outer objects a field that is there twice is no message's.
const OF_REQUEST: usize = 2;

/// A request in which what cannot be held is marked; as it is where that cannot be done.
pub fn marked(text: &[u8], is_kept: fn(&str) -> bool) -> Cow<'_, [u8]> {
    let Ok(whole) = std::str::from_utf8(text).map(whole_characters) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(whole.len());
    match serde_json::from_str::<&RawValue>(&whole).ok().and_then(|value| mark(value.get(), 0, is_kept, &mut out)) {
        Some(()) => Cow::Owned(out.into_bytes()),
        None => Cow::Borrowed(text),
    }
}

fn mark(value: &str, depth: usize, is_kept: fn(&str) -> bool, out: &mut String) -> Option<()> {
    let is_number = value.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let is_container = value.starts_with(['{', '[']);
    if (is_number && !is_kept(value)) || (is_container && depth == MAX_DEPTH) {
        let text = Value::from(value);
        out.push_str(&format!("{{\"{MARK}\":{text}}}"));
    } else if value.starts_with('{') {
        let mut names = std::collections::HashSet::new();
        let Object(fields) = serde_json::from_str(value).ok()?;
        out.push('{');
        for (n, (name, value)) in fields.into_iter().enumerate() {
            let is_again = !names.insert(name.clone());
            if is_again && depth < OF_REQUEST {
                return None;
            }
            out.push_str(if n == 0 { "" } else { "," });
            let name = if is_again { format!("{MARK}{name}") } else { name.into_owned() };
            out.push_str(&format!("{}:", Value::from(name)));
            mark(value.get(), depth + 1, is_kept, out)?;
        }
        out.push('}');
    } else if value.starts_with('[') {
        out.push('[');
        for (n, item) in serde_json::from_str::<Vec<&RawValue>>(value).ok()?.into_iter().enumerate() {
            out.push_str(if n == 0 { "" } else { "," });
            mark(item.get(), depth + 1, is_kept, out)?;
        }
        out.push(']');
    } else {
        out.push_str(value);
    }
    Some(())
}

/// The text that a mark stands for.
fn marked_text(fields: &Map<String, Value>) -> Option<&str> {
    let text = fields.get(MARK.encode_utf8(&mut [0; 4]))?.as_str().filter(|_| fields.len() == 1)?;
    serde_json::from_str::<&RawValue>(text).ok().map(|_| text)
}

/// The text of a value, with what is marked as it was.
pub fn restored(value: &Value) -> String {
    match value {
        Value::Object(fields) => match marked_text(fields) {
            Some(text) => text.to_owned(),
            None => {
                let member = |(name, value): (&String, &Value)| {
                    format!("{}:{}", Value::from(name.trim_start_matches(MARK)), restored(value))
                };
                format!("{{{}}}", fields.iter().map(member).collect::<Vec<_>>().join(","))
            }
        },
        Value::Array(items) => format!("[{}]", items.iter().map(restored).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

/// A value with the nearest number of 64 bits for one that is marked.
pub fn nearest(value: Value) -> Value {
    let number = value.as_object().and_then(marked_text).and_then(|text| text.parse::<f64>().ok());
    number.map_or(value, Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_held_is_again_as_it_was() {
        let deep = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
        for message in [
            r#"{"a":0.12345678901234567891,"b":[1e999,-1],"c":{"d":18446744073709551616}}"#.to_owned(),
            r#"{"a":1,"a":{"b":1,"b":2}}"#.to_owned(),
            format!(r#"{{"a":{deep}}}"#),
        ] {
            let request = format!(r#"{{"variables":{{"m":{message}}}}}"#);
            let marked = marked(request.as_bytes(), |number| number.len() < 10 && !number.contains('e'));
            let value: Value = serde_json::from_slice(&marked).expect("every reader can hold it");
            assert_eq!(restored(&value), request);
        }
        assert_eq!(marked(br#"{"a":"cut \ud83d"}"#, |_| true), &b"{\"a\":\"cut \\ufffd\"}"[..]);
        for request in [&br#"{"query":1,"query":2}"#[..], br#"{"variables":{"m":1,"m":2}}"#, b"{\"a\":", b"\xff"] {
            assert_eq!(marked(request, |_| true), request, "what is wrong with all of it is told by its reader");
        }
        assert_eq!(
            nearest(serde_json::json!({ "\u{fdd0}": "12345678901234567890123" })),
            12_345_678_901_234_567_890_123.0
        );
    }
}
