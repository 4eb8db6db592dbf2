//! Splits a stream of bytes into messages: lines, or the items of a JSON array. Memory is bounded by the longest message.
//!
//! The array has a splitter of its own, because a syntax error in one item must not end the array, and a refused item is
//! kept as raw text: struson can do neither, and serde_json's `StreamDeserializer` buffers an item without a limit.

pub mod blocks;

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

#[derive(Debug)]
pub struct Item {
    /// The number of the line or of the item, from 1.
    pub number: u64,
    /// The raw message, unless it is too long.
    pub text: Option<String>,
    pub parsed: Result<Accepted, Refusal>,
}

/// Why the rest cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the array is not valid JSON after item {0}: items are objects, with commas between them")]
    NotAnArray(u64),
    #[error("the array ends too early, after item {0}")]
    Unclosed(u64),
}

/// How a stream separates messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One message a line (NDJSON).
    Lines,
    /// A JSON array of messages, or a single one.
    Array,
}

/// Messages in a stream of bytes.
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    framing: Framing,
    position: Position,
    enricher: Enricher,
    /// The number of the last message.
    pub number: u64,
}

/// The position in an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Beginning,
    /// After the opening bracket.
    Open,
    AfterItem,
    End,
}

enum Text {
    Whole(String),
    TooLong,
    NotUtf8,
}

impl<R: BufRead> Reader<R> {
    pub fn new(inner: R, framing: Framing, enricher: Enricher) -> Self {
        Self { inner, framing, position: Position::Beginning, enricher, number: 0 }
    }

    /// The next message, parsed; none at the end. Do not call it again after an error.
    pub fn next(&mut self, policy: &CompiledPolicy) -> Result<Option<Item>, ReadError> {
        loop {
            let text = match self.framing {
                Framing::Lines => self.next_line()?,
                Framing::Array => self.next_of_array()?,
            };
            let Some(text) = text else { return Ok(None) };
            let number = self.number;
            return Ok(Some(match text {
                Text::Whole(text) if is_blank(&text) => continue,
                Text::Whole(text) => Item { number, parsed: self.enricher.parse(&text, policy), text: Some(text) },
                Text::TooLong => Item { number, text: None, parsed: Err(too_long()) },
                Text::NotUtf8 => Item { number, text: None, parsed: Err(not_utf8()) },
            }));
        }
    }

    fn next_line(&mut self) -> Result<Option<Text>, ReadError> {
        let mut bytes = Vec::new();
        let n_read = self.inner.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)?;
        if n_read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if !bytes.ends_with(b"\n") && n_read as u64 == MAX_LINE_BYTES {
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
            let Some(byte) = self.peek_after_space()? else {
                return match self.position {
                    // An empty body holds no messages, and a single message needs no brackets.
                    Position::Beginning | Position::End => Ok(None),
                    Position::Open | Position::AfterItem => Err(ReadError::Unclosed(self.number)),
                };
            };
            match (self.position, byte) {
                (Position::Beginning, b'[') => {
                    self.inner.consume(1);
                    self.position = Position::Open;
                }
                (Position::Beginning, b'{') => {
                    self.position = Position::End;
                    return self.value().map(Some);
                }
                // A byte-order mark.
                (Position::Beginning, 0xef | 0xbb | 0xbf) => self.inner.consume(1),
                (Position::Open | Position::AfterItem, b']') => {
                    self.inner.consume(1);
                    self.position = Position::End;
                }
                (Position::AfterItem, b',') => {
                    self.inner.consume(1);
                    // JSON has no trailing comma.
                    match self.peek_after_space()? {
                        Some(b']' | b',') => return Err(ReadError::NotAnArray(self.number)),
                        Some(_) => return self.value().map(Some),
                        None => return Err(ReadError::Unclosed(self.number)),
                    }
                }
                (Position::Open, it) if it != b',' => {
                    self.position = Position::AfterItem;
                    return self.value().map(Some);
                }
                _ => return Err(ReadError::NotAnArray(self.number)),
            }
        }
    }

    fn peek_after_space(&mut self) -> Result<Option<u8>, ReadError> {
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

    /// Reads up to the end of a value. It counts brackets and quotes; the parser of the message checks the rest.
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
                        // The end of the item.
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

/// The ID of a message without one, derived from its contents, so that a repeated message changes nothing. The store uses [`kept_id`],
/// because this one would allow guesses about the contents.
pub fn made_id(contents: &Value) -> String {
    let mut hash = blake3::hash(contents.to_string().as_bytes()).to_hex().to_string();
    hash.truncate(32);
    format!("made-{hash}")
}

/// The stored form of a derived ID: without the secret it does not reveal whether a guess about the contents is right.
pub fn kept_id(made_id: &str, secret: &IdSecret) -> String {
    let key = secret.key_for("User Profile 360 2026-11 IDs of messages that have none");
    let mut hash = blake3::keyed_hash(&key, made_id.as_bytes()).to_hex().to_string();
    hash.truncate(32);
    format!("made-{hash}")
}

/// The longest line that is read: that of the largest message, with a byte-order mark and a line end.
const MAX_LINE_BYTES: u64 = MAX_MESSAGE_BYTES as u64 + 16;

/// Whether a line holds no message.
pub fn is_blank(line: &str) -> bool {
    line.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).is_empty()
}

fn too_long() -> Refusal {
    let detail = format!("it is longer than the {MAX_MESSAGE_BYTES} bytes that a message may have");
    refusal(RefusalCode::TooLarge, detail)
}

fn not_utf8() -> Refusal {
    refusal(RefusalCode::NotJson, "it is not UTF-8; save or send it as UTF-8".to_owned())
}

fn refusal(code: RefusalCode, detail: String) -> Refusal {
    Refusal { code, path: String::new(), detail }
}

#[cfg(test)]
mod tests;
