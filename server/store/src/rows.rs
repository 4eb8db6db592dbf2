//! Keys and payloads of rows: how core's types are stored.

use std::ops::{Bound, RangeInclusive};

use profile360_core::{
    graph::{lineage::LineageKind, rows::ClusterKey},
    identifier::{Identifier, Kind, UnifiedId},
    message::order::OrderKey,
    time::Timestamp,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use surrealdb::types::{Array, Number, Object, RecordId, RecordIdKey, RecordIdKeyRange, Value};

use super::{Result, StoreError};

/// The content of a commit row: which clusters have changed, and which are gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    pub touched: Vec<ClusterKey>,
    pub removed: Vec<ClusterKey>,
    /// Decisions were made or revoked.
    #[serde(default)]
    pub has_decisions: bool,
    /// Links became withheld, or are followed again.
    #[serde(default)]
    pub has_withheld: bool,
}

/// A stored merge or unmerge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageRow {
    pub at: Timestamp,
    pub kind: LineageKind,
    pub kept: UnifiedId,
    pub others: Vec<UnifiedId>,
    pub cause: Cause,
}

/// The cause of a merge or an unmerge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// A message, by its ID.
    Message(String),
    /// A decision that was made or revoked, by its ID.
    Decision(String),
    /// A retirement that was made or revoked, by its ID.
    Retirement(String),
    /// A policy, by its version.
    Policy(i64),
}

/// The settings with the last numbers. A transaction that stays open while others commit would conflict on a setting that each
/// of them writes, so it writes the second one; the larger number counts.
pub(super) const COMMITS: [&str; 2] = ["commit", "late_commit"];
pub(super) const LINEAGE: [&str; 2] = ["lineage", "late_lineage"];

pub(super) fn text_id(table: &'static str, key: &str) -> RecordId {
    RecordId::new(table, key)
}

pub(super) fn identifier_id(identifier: &Identifier) -> RecordId {
    let key = [
        Value::String(identifier.kind.as_str().to_owned()),
        Value::String(identifier.value.to_string()),
        Value::Number(Number::Int(i64::from(identifier.generation))),
    ];
    RecordId::new("identifier", Array::from_iter(key))
}

pub(super) fn identifier_of(id: &RecordId) -> Result<Identifier> {
    let RecordIdKey::Array(parts) = &id.key else { return Err(bad_key("identifier")) };
    let [Value::String(kind), Value::String(value), Value::Number(Number::Int(generation))] = parts.as_slice() else {
        return Err(bad_key("identifier"));
    };
    let generation = u32::try_from(*generation).map_err(|_| bad_key("identifier"))?;
    Ok(Identifier { generation, ..Identifier::new(Kind::new(kind), value) })
}

pub(super) fn uuid_value(id: UnifiedId) -> Value {
    Value::Uuid(id.0.into())
}

/// The key of a derived ID, in the table that is called `latent`.
pub(super) fn derived_id_key(id: UnifiedId) -> RecordId {
    RecordId::new("latent", RecordIdKey::Uuid(id.0.into()))
}

/// The row that says which identifier a derived ID leads to.
pub(super) fn derived_id_row(id: UnifiedId, identifier: &Identifier) -> Value {
    let mut object = Object::new();
    object.insert("id", Value::RecordId(derived_id_key(id)));
    object.insert("i", Value::RecordId(identifier_id(identifier)));
    Value::Object(object)
}

/// The rows of a table from one key up to another, both included.
pub(super) fn range(table: &'static str, start: RecordIdKey, end: RecordIdKey) -> RecordId {
    let range = RecordIdKeyRange { start: Bound::Included(start), end: Bound::Included(end) };
    RecordId::new(table, RecordIdKey::Range(Box::new(range)))
}

/// The rows of a table whose keys are derived IDs with that first byte.
pub(super) fn range_of_byte(table: &'static str, first_byte: u8) -> RecordId {
    let bound = |rest: u8| {
        let mut bytes = [rest; 16];
        bytes[0] = first_byte;
        RecordIdKey::Uuid(uuid::Uuid::from_bytes(bytes).into())
    };
    range(table, bound(0), bound(u8::MAX))
}

/// The rows of derived IDs in a range.
pub(super) fn range_of_derived_ids(ids: &RangeInclusive<UnifiedId>) -> RecordId {
    let bound = |id: &UnifiedId| RecordIdKey::Uuid(id.0.into());
    range("latent", bound(ids.start()), bound(ids.end()))
}

/// The row that says that a merge or an unmerge names a unified ID.
pub(super) fn lineage_of_row(id: UnifiedId, number: i64) -> Value {
    let key = Array::from_iter([uuid_value(id), Value::Number(Number::Int(number))]);
    let mut object = Object::new();
    object.insert("id", Value::RecordId(RecordId::new("lineage_of", key)));
    Value::Object(object)
}

pub(super) fn cluster_id(table: &'static str, key: ClusterKey) -> RecordId {
    RecordId::new(table, RecordIdKey::Uuid(key.0.0.into()))
}

pub(super) fn cluster_key_of(id: &RecordId) -> Result<ClusterKey> {
    let RecordIdKey::Uuid(key) = &id.key else { return Err(bad_key("cell")) };
    Ok(ClusterKey(UnifiedId(key.into_inner())))
}

pub(super) fn link_id(table: &'static str, a: UnifiedId, b: UnifiedId) -> RecordId {
    RecordId::new(table, Array::from_iter([uuid_value(a), uuid_value(b)]))
}

/// Later times have smaller keys, so that a forward scan is newest first.
pub(super) fn inverted(at: Timestamp) -> i64 {
    i64::MAX - at.micros()
}

pub(super) fn event_id(home: UnifiedId, at: Timestamp, message_id: &str) -> RecordId {
    let key = [uuid_value(home), Value::Number(Number::Int(inverted(at))), Value::String(message_id.to_owned())];
    RecordId::new("event", Array::from_iter(key))
}

pub(super) fn purchase_id(home: UnifiedId, kind: &str, key: &str) -> RecordId {
    let key = [uuid_value(home), Value::String(kind.to_owned()), Value::String(key.to_owned())];
    RecordId::new("purchase", Array::from_iter(key))
}

pub(super) fn order_id(home: UnifiedId, key: &OrderKey) -> RecordId {
    match key {
        OrderKey::Order(order_id) => purchase_id(home, "order", order_id),
        OrderKey::Message(message_id) => purchase_id(home, "message", message_id),
    }
}

pub(super) fn text_key_of(id: &RecordId) -> Result<&str> {
    match &id.key {
        RecordIdKey::String(key) => Ok(key),
        _ => Err(bad_key("text")),
    }
}

/// A row with an ID and a payload.
pub(super) fn row(id: RecordId, payload: String) -> Value {
    let mut object = Object::new();
    object.insert("id", Value::RecordId(id));
    object.insert("p", Value::String(payload));
    Value::Object(object)
}

pub(super) fn encode<T: Serialize>(table: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt { table, reason: error.to_string() })
}

pub(super) fn decode<T: DeserializeOwned>(table: &'static str, payload: &str) -> Result<T> {
    // Report the position only: rows contain personal data.
    serde_json::from_str(payload).map_err(|error| {
        let reason = format!("line {} column {} is malformed", error.line(), error.column());
        StoreError::Corrupt { table, reason }
    })
}

/// The row that says which message owns an order or a session.
pub(super) fn claim_row<T: Serialize>(table: &'static str, key: &str, claim: &T) -> Result<Value> {
    Ok(row(text_id(table, key), encode(table, claim)?))
}

/// The rows of `SELECT id, p …`.
pub(super) fn id_and_payload(found: Value) -> Result<Vec<(RecordId, String)>> {
    let Value::Array(found) = found else { return Err(bad_key("answer")) };
    let mut rows = Vec::with_capacity(found.len());
    for value in found {
        let Value::Object(object) = value else { return Err(bad_key("answer")) };
        let mut fields = object.into_inner();
        match (fields.remove("id"), fields.remove("p")) {
            (Some(Value::RecordId(id)), Some(Value::String(payload))) => rows.push((id, payload)),
            _ => return Err(bad_key("answer")),
        }
    }
    Ok(rows)
}

pub(super) fn bad_key(table: &'static str) -> StoreError {
    StoreError::Corrupt { table, reason: "its key has an unknown form".to_owned() }
}
