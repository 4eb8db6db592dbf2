//! Reading messages out of a stream of bytes: one a line, or the items of a JSON array. Whatever comes, no more than the longest
//! message is ever held.

use std::io::{BufRead, Read};

use crate::enrich::Enricher;
use profile360_core::{
    identifier::unified_id::IdSecret,
    message::{
        limits::MAX_MESSAGE_BYTES,
        parse::accepted::Accepted,
        refusal::{Refusal, RefusalCode},
    },
    policy::compiled::CompiledPolicy,
};
use serde_json::Value;

/// What was read, one message at a time.
#[derive(Debug)]
pub struct Item {
    /// The line, or the place in the array, from 1 on.
    pub number: u64,
    /// The message as it was, where it is short enough to keep.
    pub text: Option<String>,
    pub parsed: Result<Accepted, Refusal>,
}

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the array is not valid JSON after item {0}: items are objects, with commas between them")]
    NotAnArray(u64),
    #[error("the array ends too early, after item {0}")]
    Unclosed(u64),
}

/// How messages stand in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One a line (NDJSON).
    Lines,
    /// A JSON array of them, or a single one.
    Array,
}

/// Messages in a stream of bytes.
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    form: Framing,
    place: Place,
    intake: Enricher,
    /// How many were read so far.
    pub number: u64,
}

/// Where in an array the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Beginning,
    /// Behind the opening bracket.
    Open,
    /// Behind an item.
    BehindItem,
    End,
}

enum Text {
    Whole(String),
    TooLong,
    NotUtf8,
}

impl<R: BufRead> Reader<R> {
    pub fn new(inner: R, form: Framing, intake: Enricher) -> Self {
        Self { inner, form, place: Place::Beginning, intake, number: 0 }
    }

    /// The next message, parsed; nothing at the end. After an error there is nothing more.
    pub fn next(&mut self, policy: &CompiledPolicy) -> Result<Option<Item>, ReadError> {
        loop {
            let text = match self.form {
                Framing::Lines => self.next_line()?,
                Framing::Array => self.next_of_array()?,
            };
            let Some(text) = text else { return Ok(None) };
            let number = self.number;
            return Ok(Some(match text {
                // Editors and transfers leave empty lines; they are no messages.
                Text::Whole(text) if text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).is_empty() => continue,
                Text::Whole(text) => Item { number, parsed: self.intake.parse(&text, policy), text: Some(text) },
                Text::TooLong => {
                    let detail = format!("it is longer than the {MAX_MESSAGE_BYTES} bytes that a message may have");
                    Item { number, text: None, parsed: Err(refusal(RefusalCode::TooLarge, detail)) }
                }
                Text::NotUtf8 => {
                    let detail = "it is not UTF-8; save or send it as UTF-8".to_owned();
                    Item { number, text: None, parsed: Err(refusal(RefusalCode::NotJson, detail)) }
                }
            }));
        }
    }

    fn next_line(&mut self) -> Result<Option<Text>, ReadError> {
        let mut bytes = Vec::new();
        // Room for the line's end and for a byte-order mark.
        let limit = MAX_MESSAGE_BYTES as u64 + 16;
        let n_read = self.inner.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
        if n_read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if !bytes.ends_with(b"\n") && n_read as u64 == limit {
            self.skip_line()?;
            return Ok(Some(Text::TooLong));
        }
        Ok(Some(String::from_utf8(bytes).map_or(Text::NotUtf8, Text::Whole)))
    }

    fn skip_line(&mut self) -> Result<(), ReadError> {
        loop {
            let buffer = self.inner.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|it| *it == b'\n');
            let n_used = end.map_or(buffer.len(), |it| it + 1);
            self.inner.consume(n_used);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn next_of_array(&mut self) -> Result<Option<Text>, ReadError> {
        loop {
            let Some(byte) = self.peek_behind_space()? else {
                return match self.place {
                    // An empty body holds no messages, and a single message needs no brackets.
                    Place::Beginning | Place::End => Ok(None),
                    Place::Open | Place::BehindItem => Err(ReadError::Unclosed(self.number)),
                };
            };
            match (self.place, byte) {
                (Place::Beginning, b'[') => {
                    self.inner.consume(1);
                    self.place = Place::Open;
                }
                (Place::Beginning, b'{') => {
                    self.place = Place::End;
                    return self.value().map(Some);
                }
                // The rest of a byte-order mark, or of white space that JSON does not know.
                (Place::Beginning, 0xef | 0xbb | 0xbf) => self.inner.consume(1),
                (Place::Open | Place::BehindItem, b']') => {
                    self.inner.consume(1);
                    self.place = Place::End;
                }
                (Place::BehindItem, b',') => {
                    self.inner.consume(1);
                    // What follows a comma is an item, and no end.
                    match self.peek_behind_space()? {
                        Some(b']' | b',') => return Err(ReadError::NotAnArray(self.number)),
                        Some(_) => return self.value().map(Some),
                        None => return Err(ReadError::Unclosed(self.number)),
                    }
                }
                (Place::Open, it) if it != b',' => {
                    self.place = Place::BehindItem;
                    return self.value().map(Some);
                }
                _ => return Err(ReadError::NotAnArray(self.number)),
            }
        }
    }

    fn peek_behind_space(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            let buffer = self.inner.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let n_space = buffer.iter().take_while(|it| it.is_ascii_whitespace()).count();
            let found = buffer.get(n_space).copied();
            self.inner.consume(n_space);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    /// Reads one value up to what ends it. It is only measured here: brackets and texts are counted, not believed.
    fn value(&mut self) -> Result<Text, ReadError> {
        self.number += 1;
        let mut bytes = Vec::new();
        let mut depth = 0_u64;
        let mut is_in_text = false;
        let mut is_escaped = false;
        let mut is_too_long = false;
        loop {
            let buffer = self.inner.fill_buf()?;
            if buffer.is_empty() {
                return Err(ReadError::Unclosed(self.number - 1));
            }
            let mut n_used = 0;
            let mut is_over = false;
            for byte in buffer {
                if is_in_text {
                    match byte {
                        _ if is_escaped => is_escaped = false,
                        b'\\' => is_escaped = true,
                        b'"' => is_in_text = false,
                        _ => {}
                    }
                } else {
                    match byte {
                        b'"' => is_in_text = true,
                        b'{' | b'[' => depth += 1,
                        // These belong to the array.
                        b',' | b']' if depth == 0 => {
                            is_over = true;
                            break;
                        }
                        b'}' | b']' => {
                            depth = depth.saturating_sub(1);
                            is_over = depth == 0;
                        }
                        _ => {}
                    }
                }
                n_used += 1;
                if is_over {
                    break;
                }
            }
            if is_too_long || MAX_MESSAGE_BYTES < bytes.len() + n_used {
                is_too_long = true;
                bytes = Vec::new();
            } else {
                bytes.extend_from_slice(&buffer[..n_used]);
            }
            self.inner.consume(n_used);
            if is_over {
                return Ok(match String::from_utf8(bytes) {
                    _ if is_too_long => Text::TooLong,
                    Ok(text) => Text::Whole(text),
                    Err(_) => Text::NotUtf8,
                });
            }
        }
    }
}

/// An ID for a message that has none, which its contents alone decide: the same again changes nothing. It is not what the
/// message is kept under, as others could find the contents by it: see [`kept_id`].
pub fn made_id(contents: &Value) -> String {
    let mut hash = blake3::hash(contents.to_string().as_bytes()).to_hex().to_string();
    hash.truncate(32);
    format!("made-{hash}")
}

/// The ID that a message is kept under whose ID was made of its contents: only who has the base's secret can tell whether some
/// contents are behind it.
pub fn kept_id(made_id: &str, secret: &IdSecret) -> String {
    let key = secret.key_for("User Profile 360 2026-11 IDs of messages that have none");
    let mut hash = blake3::keyed_hash(&key, made_id.as_bytes()).to_hex().to_string();
    hash.truncate(32);
    format!("made-{hash}")
}

fn refusal(code: RefusalCode, detail: String) -> Refusal {
    Refusal { code, path: String::new(), detail }
}

#[cfg(test)]
mod tests;
