//! The journal: the evidence in commit order. Each row is written once and never changed.
//!
//! Everything else in the database is a projection of it. The texts of the messages of one commit are compressed together, in parts
//! small enough that one message is read quickly. `message_ref` says where a message is.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

use profile360_core::{
    evidence::{decision::Decision, retirement::Retirement},
    identifier::UnifiedId,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use surrealdb::types::{Array, Bytes, Number, Object, RecordId, Value};

use super::{
    Result, Store, StoreError,
    keys::{self, Keys, bad_key, int},
    rows::{self, Fields},
    tx,
};

/// Messages per part.
const PART: usize = 128;
/// Bytes of texts per part, unless it has only one message.
const PART_BYTES: usize = 64 * 1024;
/// JSON never contains it, see RFC 7464.
const SEPARATOR: u8 = 0x1e;
/// Fast, and a tenth of the size.
const LEVEL: i32 = 1;
/// Parts per query.
const PARTS_AT_ONCE: usize = 200;

/// Where the journal keeps a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub commit: i64,
    part: u32,
    place: u32,
}

impl Position {
    /// Part and place as one number.
    fn index(self) -> i64 {
        i64::from(self.part) << 16 | i64::from(self.place)
    }

    fn new(commit: i64, index: i64) -> Result<Self> {
        let (part, place) = (u32::try_from(index >> 16)?, u32::try_from(index & 0xffff)?);
        Ok(Self { commit, part, place })
    }

    /// Reads the fields `c` and `i` of a row.
    pub(super) fn read(fields: &mut Fields) -> Result<Self> {
        match (fields.remove("c"), fields.remove("i")) {
            (Some(Value::Number(Number::Int(commit))), Some(Value::Number(Number::Int(index)))) => {
                Self::new(commit, index)
            }
            _ => Err(bad_key("position")),
        }
    }

    fn write(self, object: &mut Object) {
        object.insert("c", int(self.commit));
        object.insert("i", int(self.index()));
    }
}

/// What a commit adds to the evidence.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    Messages(Vec<(Position, String)>),
    /// Decisions as they are from this commit on.
    Decisions(Vec<Decision>),
    /// Retirements as they are from this commit on.
    Retirements(Vec<Retirement>),
    /// A projection became the one that answers are read from.
    Switch(Switch),
}

impl Entry {
    /// The messages of the entry, where they are and their texts.
    pub fn messages(&self) -> &[(Position, String)] {
        match self {
            Self::Messages(messages) => messages,
            Self::Decisions(_) | Self::Retirements(_) | Self::Switch(_) => &[],
        }
    }
}

/// A policy rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    pub projection: i64,
    pub policy: i64,
}

/// A message that a commit adds: time, ID and text.
pub type NewMessage<'m> = (Timestamp, &'m str, &'m str);

/// Messages of a commit, compressed, before the number of the commit is known.
#[derive(Debug, Default)]
pub(super) struct Draft {
    parts: Vec<Vec<u8>>,
    messages: Vec<Drafted>,
}

/// The rows of new messages: of the journal, of its index by message ID, and of the timeline of a projection.
pub(super) struct DraftRows {
    pub journal: Vec<Value>,
    pub message_refs: Vec<Value>,
    pub timeline: Vec<Value>,
}

#[derive(Debug)]
struct Drafted {
    id: String,
    at: Timestamp,
    home: UnifiedId,
    index: (u32, u32),
}

impl Draft {
    /// `kept` names the messages to write by their positions in `messages`, each with its home.
    pub(super) fn new(messages: &[NewMessage<'_>], kept: &[(usize, UnifiedId)]) -> Result<Self> {
        let mut draft = Self::default();
        let mut texts: Vec<u8> = Vec::new();
        let mut place = 0;
        for (position, home) in kept {
            let Some((at, id, text)) = messages.get(*position) else { continue };
            if 0 < place && (PART <= place as usize || PART_BYTES < texts.len() + text.len()) {
                draft.parts.push(compress(&texts)?);
                texts.clear();
                place = 0;
            }
            if 0 < place {
                texts.push(SEPARATOR);
            }
            texts.extend_from_slice(text.as_bytes());
            let index = (u32::try_from(draft.parts.len())?, place);
            draft.messages.push(Drafted { id: (*id).to_owned(), at: *at, home: *home, index });
            place += 1;
        }
        if 0 < place {
            draft.parts.push(compress(&texts)?);
        }
        Ok(draft)
    }

    pub(super) fn rows(self, commit: i64, keys: Keys) -> DraftRows {
        let parts = self.parts.into_iter().zip(0..);
        let journal = parts.map(|(part, number)| journal_row(commit, number, "messages", part)).collect();
        let mut message_refs = Vec::with_capacity(self.messages.len());
        let mut timeline = Vec::with_capacity(self.messages.len());
        for Drafted { id, at, home, index: (part, place) } in self.messages {
            let position = Position { commit, part, place };
            timeline.push(at_position(keys.timeline(home, at, &id), position));
            message_refs.push(ref_row(&id, at, position));
        }
        DraftRows { journal, message_refs, timeline }
    }

    /// About the memory that the rows need in the engine until they are flushed.
    pub(super) fn n_bytes(&self) -> usize {
        /// Of the two rows of a message.
        const OF_MESSAGE: usize = 1_024;
        let parts: usize = self.parts.iter().map(|part| OF_MESSAGE + part.len()).sum();
        parts + self.messages.iter().map(|it| OF_MESSAGE + 4 * it.id.len()).sum::<usize>()
    }

    /// Where the messages will be.
    pub(super) fn positions(&self, commit: i64) -> impl Iterator<Item = Position> {
        self.messages.iter().map(move |it| Position { commit, part: it.index.0, place: it.index.1 })
    }

    pub(super) fn n_parts(&self) -> i64 {
        i64::try_from(self.parts.len()).unwrap_or(i64::MAX)
    }
}

/// A row that says where a message is.
pub(super) fn at_position(id: RecordId, position: Position) -> Value {
    let mut object = Object::new();
    object.insert("id", Value::RecordId(id));
    position.write(&mut object);
    Value::Object(object)
}

/// The row of a message without a usable identifier.
pub(super) fn unreadable_row(keys: Keys, position: Position) -> Value {
    at_position(keys.unreadable(position.commit, position.index()), position)
}

pub(super) fn ref_row(id: &str, at: Timestamp, position: Position) -> Value {
    let mut object = Object::new();
    object.insert("id", Value::RecordId(keys::text_id("message_ref", id)));
    object.insert("at", int(at.micros()));
    position.write(&mut object);
    Value::Object(object)
}

pub(super) fn journal_row(commit: i64, part: i64, kind: &str, data: Vec<u8>) -> Value {
    let mut object = Object::new();
    object.insert("id", Value::RecordId(part_id(commit, part)));
    object.insert("kind", Value::String(kind.to_owned()));
    object.insert("data", Value::Bytes(Bytes::from(data)));
    Value::Object(object)
}

fn part_id(commit: i64, part: i64) -> RecordId {
    RecordId::new("journal", Array::from_iter([int(commit), int(part)]))
}

fn compress(texts: &[u8]) -> Result<Vec<u8>> {
    zstd::bulk::compress(texts, LEVEL).map_err(unreadable)
}

fn texts_of(data: &[u8]) -> Result<Vec<String>> {
    let texts = zstd::stream::decode_all(data).map_err(unreadable)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| corrupt("a text is not UTF-8"));
    texts.split(|byte| *byte == SEPARATOR).map(text).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unreadable(error: io::Error) -> StoreError {
    corrupt(&error.to_string())
}

fn corrupt(reason: &str) -> StoreError {
    StoreError::Corrupt { table: "journal", reason: reason.to_owned() }
}

/// A part as it is stored.
struct Part {
    commit: i64,
    number: i64,
    kind: String,
    data: Bytes,
}

impl Part {
    fn read(id: &RecordId, mut fields: Fields) -> Result<Self> {
        let (Some(Value::String(kind)), Some(Value::Bytes(data))) = (fields.remove("kind"), fields.remove("data"))
        else {
            return Err(bad_key("journal"));
        };
        let surrealdb::types::RecordIdKey::Array(key) = &id.key else { return Err(bad_key("journal")) };
        let [Value::Number(Number::Int(commit)), Value::Number(Number::Int(number))] = key.as_slice() else {
            return Err(bad_key("journal"));
        };
        Ok(Self { commit: *commit, number: *number, kind, data })
    }

    fn entry(&self) -> Result<Entry> {
        let json = |table| std::str::from_utf8(&self.data).map_err(|_| bad_key(table));
        match self.kind.as_str() {
            "messages" => {
                let part = u32::try_from(self.number)?;
                let position = |place| Position { commit: self.commit, part, place };
                let texts = texts_of(&self.data)?;
                Ok(Entry::Messages((0..).map(position).zip(texts).collect()))
            }
            "decisions" => Ok(Entry::Decisions(rows::decode("journal", json("journal")?)?)),
            "retirements" => Ok(Entry::Retirements(rows::decode("journal", json("journal")?)?)),
            "switch" => Ok(Entry::Switch(rows::decode("journal", json("journal")?)?)),
            _ => Err(corrupt("it has an entry of an unknown kind; run a newer profile360")),
        }
    }
}

impl Store {
    /// The entries of the commits after `after` and up to `up_to`, in commit order.
    pub async fn journal(&self, after: i64, up_to: i64) -> Result<Vec<(i64, Entry)>> {
        let start = Array::from_iter([int(after + 1)]);
        let end = Array::from_iter([int(up_to), Value::Array(Array::new())]);
        let range = keys::range("journal", start.into(), end.into());
        let entry = |(id, fields): (RecordId, Fields)| {
            let part = Part::read(&id, fields)?;
            Ok((part.commit, part.entry()?))
        };
        self.handle.get_range(range).await?.into_iter().map(entry).collect()
    }

    /// The texts of messages. Omits those that the journal does not have.
    pub async fn texts(&self, positions: &BTreeSet<Position>) -> Result<BTreeMap<Position, String>> {
        let mut texts = BTreeMap::new();
        let parts: BTreeSet<(i64, u32)> = positions.iter().map(|it| (it.commit, it.part)).collect();
        let parts: Vec<(i64, u32)> = parts.into_iter().collect();
        for parts in parts.chunks(PARTS_AT_ONCE) {
            let ids = parts.iter().map(|(commit, part)| part_id(*commit, i64::from(*part))).collect();
            for (id, fields) in self.handle.get(ids).await? {
                if let Entry::Messages(found) = Part::read(&id, fields)?.entry()? {
                    texts.extend(found.into_iter().filter(|(position, _)| positions.contains(position)));
                }
            }
        }
        Ok(texts)
    }

    /// Where messages are and when they were sent, by their IDs. Omits unknown ones.
    pub async fn message_refs(&self, message_ids: &[Arc<str>]) -> Result<BTreeMap<Arc<str>, (Timestamp, Position)>> {
        let mut refs = BTreeMap::new();
        let ids = message_ids.iter().map(|id| keys::text_id("message_ref", id)).collect();
        for (id, mut fields) in self.handle.get(ids).await? {
            let Some(Value::Number(Number::Int(at))) = fields.remove("at") else { return Err(bad_key("message_ref")) };
            let message_id = Arc::from(keys::last_text_of(&id)?);
            refs.insert(message_id, (Timestamp::from_micros(at), Position::read(&mut fields)?));
        }
        Ok(refs)
    }

    /// The number of messages. Scans an index, so not for queries.
    pub async fn n_messages(&self) -> Result<u64> {
        let query = "RETURN array::first((SELECT VALUE n FROM (SELECT count() AS n FROM message_ref GROUP ALL))) ?? 0";
        match self.handle.run(query, tx::no_variables()).await? {
            Value::Number(Number::Int(n)) => Ok(u64::try_from(n)?),
            _ => Err(bad_key("message_ref")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_were_written() {
        let long = format!("{{\"a\":\"{}\"}}", "가".repeat(PART_BYTES));
        let mut texts: Vec<String> = (0..PART * 2).map(|it| format!("{{\"n\": {it}}}")).collect();
        texts.insert(3, long);
        let messages: Vec<NewMessage<'_>> =
            texts.iter().map(|text| (Timestamp::EARLIEST, "m", text.as_str())).collect();
        let home = UnifiedId(uuid::Uuid::nil());
        let kept: Vec<(usize, UnifiedId)> = (0..texts.len()).map(|position| (position, home)).collect();
        let draft = Draft::new(&messages, &kept).expect("compresses");
        assert_eq!(draft.n_parts(), 4, "three, the long one, a full part, the rest");
        let mut read = Vec::new();
        for (part, number) in draft.parts.iter().zip(0..) {
            let part = Part { commit: 7, number, kind: "messages".to_owned(), data: Bytes::from(part.clone()) };
            let Ok(Entry::Messages(found)) = part.entry() else { panic!("a part of messages") };
            read.extend(found);
        }
        let indices: Vec<(u32, u32)> = read.iter().map(|(position, _)| (position.part, position.place)).collect();
        assert!(draft.messages.iter().map(|it| it.index).eq(indices));
        assert!(read.iter().map(|(_, text)| text).eq(&texts));
        let (position, _) = read[150];
        assert_eq!(Position::new(7, position.index()).expect("in range"), position);
    }
}
