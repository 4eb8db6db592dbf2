//! Keys of rows.
//!
//! The rows of a projection start with its number, so that several projections share a database and one of them is a range of
//! each table. Where the rest of the key is a text, a shard comes between: a hash of the text, so that the rows of a projection can be
//! counted and removed in steps of bounded size.

use std::ops::{Bound, RangeInclusive};

use profile360_core::{
    evidence::link::Pair,
    graph::rows::ClusterKey,
    identifier::{
        Identifier, Kind, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    message::order::OrderKey,
    time::Timestamp,
};
use surrealdb::types::{Array, Number, RecordId, RecordIdKey, RecordIdKeyRange, Value};

use super::{Result, StoreError};

/// Tables whose keys contain a shard.
pub(super) const SHARDED: [&str; 4] = ["identifier", "order_state", "session", "unreadable"];
/// Tables whose keys contain a derived ID.
pub(super) const BY_ID: [&str; 7] = ["unified_id", "linked", "withheld", "cluster", "timeline", "purchase", "list_row"];
/// Small tables.
pub(super) const UNSHARDED: [&str; 2] = ["decided", "retired"];
/// The number of shards.
pub(super) const SHARDS: u16 = 4_096;

/// The keys of one projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keys(pub i64);

impl Keys {
    fn key(self, table: &'static str, rest: impl IntoIterator<Item = Value>) -> RecordId {
        RecordId::new(table, self.array(rest))
    }

    fn array(self, rest: impl IntoIterator<Item = Value>) -> Array {
        Array::from_iter([int(self.0)].into_iter().chain(rest))
    }

    pub(super) fn identifier(self, it: &Identifier) -> RecordId {
        let kind = it.kind.as_str();
        let value = it.value.to_string();
        let rest = [int(shard(&[kind, &value])), text(kind), Value::String(value), int(i64::from(it.generation))];
        self.key("identifier", rest)
    }

    pub(super) fn unified_id(self, id: UnifiedId) -> RecordId {
        self.key("unified_id", [uuid_value(id)])
    }

    /// Of the tables `cluster` and `list_row`.
    pub(super) fn cluster(self, table: &'static str, key: ClusterKey) -> RecordId {
        self.key(table, [uuid_value(key.0)])
    }

    /// Of the tables `linked` and `withheld`.
    pub(super) fn link(self, table: &'static str, pair: &Pair, secret: &IdSecret) -> RecordId {
        self.link_of_ids(table, unified_id(&pair.a, secret), unified_id(&pair.b, secret))
    }

    pub(super) fn link_of_ids(self, table: &'static str, a: UnifiedId, b: UnifiedId) -> RecordId {
        self.key(table, [uuid_value(a), uuid_value(b)])
    }

    pub(super) fn timeline(self, home: UnifiedId, at: Timestamp, message_id: &str) -> RecordId {
        self.key("timeline", [uuid_value(home), int(inverted(at)), text(message_id)])
    }

    pub(super) fn order(self, home: UnifiedId, key: &OrderKey) -> RecordId {
        match key {
            OrderKey::Order(order_id) => self.purchase(home, "order", order_id),
            OrderKey::Message(message_id) => self.purchase(home, "message", message_id),
        }
    }

    pub(super) fn purchase(self, home: UnifiedId, kind: &str, key: &str) -> RecordId {
        self.key("purchase", [uuid_value(home), text(kind), text(key)])
    }

    pub(super) fn unreadable(self, commit: i64, index: i64) -> RecordId {
        self.key("unreadable", [int(commit % i64::from(SHARDS)), int(commit), int(index)])
    }

    /// Of the tables `order_state` and `session`.
    pub(super) fn sharded(self, table: &'static str, key: &str) -> RecordId {
        self.key(table, [int(shard(&[key])), text(key)])
    }

    /// Of the tables `decided` and `retired`.
    pub(super) fn text(self, table: &'static str, key: &str) -> RecordId {
        self.key(table, [text(key)])
    }

    /// All rows of a table in this projection whose keys continue with a derived ID from `ids`.
    pub(super) fn range_of_ids(self, table: &'static str, ids: &RangeInclusive<UnifiedId>) -> RecordId {
        let start = self.array([uuid_value(*ids.start())]);
        let end = self.array([uuid_value(*ids.end()), beyond()]);
        range(table, start.into(), end.into())
    }

    /// All rows of a table in this projection whose keys continue with a shard from `shards`.
    pub(super) fn range_of_shards(self, table: &'static str, shards: RangeInclusive<u16>) -> RecordId {
        let start = self.array([int(i64::from(*shards.start()))]);
        let end = self.array([int(i64::from(*shards.end())), beyond()]);
        range(table, start.into(), end.into())
    }

    /// All rows of a table in this projection.
    pub(super) fn all(self, table: &'static str) -> RecordId {
        range(table, self.array([]).into(), self.array([beyond()]).into())
    }

    /// The purchases of a home.
    pub(super) fn purchases_of(self, home: UnifiedId) -> RecordId {
        range("purchase", self.array([uuid_value(home)]).into(), self.array([uuid_value(home), beyond()]).into())
    }

    /// The messages of a home from `from` to `to`, both included.
    pub(super) fn timeline_of(self, home: UnifiedId, from: Timestamp, to: Timestamp) -> RecordId {
        let start = self.array([uuid_value(home), int(inverted(to))]);
        let end = self.array([uuid_value(home), int(inverted(from)), beyond()]);
        range("timeline", start.into(), end.into())
    }
}

/// Sorts after every other value that is part of a key.
fn beyond() -> Value {
    Value::Array(Array::new())
}

/// The rows of a table from one key up to another, both included.
pub(super) fn range(table: &'static str, start: RecordIdKey, end: RecordIdKey) -> RecordId {
    let range = RecordIdKeyRange { start: Bound::Included(start), end: Bound::Included(end) };
    RecordId::new(table, RecordIdKey::Range(Box::new(range)))
}

/// All IDs whose first two bytes are one of those numbers.
pub(super) fn ids_of_two_bytes(numbers: RangeInclusive<u16>) -> RangeInclusive<UnifiedId> {
    let bound = |number: u16, rest: u8| {
        let mut bytes = [rest; 16];
        [bytes[0], bytes[1]] = number.to_be_bytes();
        UnifiedId(uuid::Uuid::from_bytes(bytes))
    };
    bound(*numbers.start(), 0)..=bound(*numbers.end(), u8::MAX)
}

fn shard(parts: &[&str]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    i64::from(hasher.finalize() % u32::from(SHARDS))
}

pub(super) fn text_id(table: &'static str, key: &str) -> RecordId {
    RecordId::new(table, key)
}

pub(super) fn int(number: i64) -> Value {
    Value::Number(Number::Int(number))
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

pub(super) fn uuid_value(id: UnifiedId) -> Value {
    Value::Uuid(id.0.into())
}

/// Later times have smaller keys, so that a forward scan is newest first.
fn inverted(at: Timestamp) -> i64 {
    i64::MAX - at.micros()
}

pub(super) fn identifier_of(id: &RecordId) -> Result<Identifier> {
    let [_, _, Value::String(kind), Value::String(value), Value::Number(Number::Int(generation))] = parts_of(id)?
    else {
        return Err(bad_key("identifier"));
    };
    let generation = u32::try_from(*generation).map_err(|_| bad_key("identifier"))?;
    Ok(Identifier { generation, ..Identifier::new(Kind::new(kind), value) })
}

pub(super) fn unified_id_of(id: &RecordId) -> Result<UnifiedId> {
    let [_, Value::Uuid(id)] = parts_of(id)? else { return Err(bad_key("unified_id")) };
    Ok(UnifiedId(id.into_inner()))
}

pub(super) fn cluster_key_of(id: &RecordId) -> Result<ClusterKey> {
    unified_id_of(id).map(ClusterKey)
}

/// Time and message ID of a row of `timeline`.
pub(super) fn message_of(id: &RecordId) -> Result<(Timestamp, &str)> {
    let [_, _, Value::Number(Number::Int(inverted)), Value::String(message_id)] = parts_of(id)? else {
        return Err(bad_key("timeline"));
    };
    Ok((Timestamp::from_micros(i64::MAX - inverted), message_id))
}

pub(super) fn is_refund(id: &RecordId) -> bool {
    parts_of(id).is_ok_and(|parts| matches!(parts.get(2), Some(Value::String(kind)) if kind == "refund"))
}

/// The last part of a key, if it is a text.
pub(super) fn last_text_of(id: &RecordId) -> Result<&str> {
    match &id.key {
        RecordIdKey::String(key) => Ok(key),
        RecordIdKey::Array(parts) => match parts.last() {
            Some(Value::String(key)) => Ok(key),
            _ => Err(bad_key("text")),
        },
        _ => Err(bad_key("text")),
    }
}

/// The key of a row that is numbered.
pub(super) fn number_of(id: &RecordId) -> Result<i64> {
    match &id.key {
        RecordIdKey::Number(number) => Ok(*number),
        _ => Err(bad_key("number")),
    }
}

/// The last part of a key, if it is a number.
pub(super) fn last_number_of(id: &RecordId) -> Result<i64> {
    match parts_of(id)?.last() {
        Some(Value::Number(Number::Int(number))) => Ok(*number),
        _ => Err(bad_key("number")),
    }
}

fn parts_of(id: &RecordId) -> Result<&[Value]> {
    match &id.key {
        RecordIdKey::Array(parts) => Ok(parts.as_slice()),
        _ => Err(bad_key("key")),
    }
}

pub(super) fn bad_key(table: &'static str) -> StoreError {
    StoreError::Corrupt { table, reason: "its key has an unknown form".to_owned() }
}
