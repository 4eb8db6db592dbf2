//! Payloads of rows: how core's types are stored.

use std::collections::BTreeMap;

use profile360_core::{
    evidence::link::Pair,
    graph::{lineage::LineageKind, rows::ClusterKey},
    identifier::{Identifier, UnifiedId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use surrealdb::types::{Array, Object, RecordId, Value};

use super::{
    Result, StoreError,
    keys::{self, Keys, bad_key},
};

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
/// The settings of the server that leads: its lease, and the number that shows that it works.
pub(super) const LEADER: [&str; 2] = ["leader", "leader_beat"];
/// The setting that says how far the upgrade from editions has got.
pub(super) const UPGRADE: &str = "upgrade";
/// The setting of a database that has messages whose IDs got another normal form.
pub(super) const RENAMED: &str = "renamed_messages";

/// The row that says which identifier a unified ID leads to.
pub(super) fn unified_id_row(keys: Keys, id: UnifiedId, identifier: &Identifier) -> Value {
    let mut object = Object::new();
    object.insert("id", Value::RecordId(keys.unified_id(id)));
    object.insert("i", Value::RecordId(keys.identifier(identifier)));
    Value::Object(object)
}

/// The row that says that a merge or an unmerge names a unified ID.
pub(super) fn lineage_of_row(id: UnifiedId, number: i64) -> Value {
    let key = Array::from_iter([keys::uuid_value(id), keys::int(number)]);
    let mut object = Object::new();
    object.insert("id", Value::RecordId(RecordId::new("lineage_of", key)));
    Value::Object(object)
}

/// A row with an ID and a payload.
pub(super) fn row(id: RecordId, payload: String) -> Value {
    let mut object = Object::new();
    object.insert("id", Value::RecordId(id));
    object.insert("p", Value::String(payload));
    Value::Object(object)
}

/// A row between two identifiers.
pub(super) fn relation_row(keys: Keys, id: RecordId, pair: &Pair, payload: String) -> Value {
    let mut object = Object::new();
    object.insert("id", Value::RecordId(id));
    object.insert("in", Value::RecordId(keys.identifier(&pair.a)));
    object.insert("out", Value::RecordId(keys.identifier(&pair.b)));
    object.insert("p", Value::String(payload));
    Value::Object(object)
}

/// A setting of the database.
pub(super) fn setting_row(name: &str, payload: String) -> Value {
    row(keys::text_id("setting", name), payload)
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

/// The fields of a row by their names.
pub(super) type Fields = BTreeMap<String, Value>;

/// Key and payload of a row.
pub(super) fn split(row: Value) -> Result<(RecordId, String)> {
    let Value::Object(object) = row else { return Err(bad_key("row")) };
    let mut fields = object.into_inner();
    match (fields.remove("id"), fields.remove("p")) {
        (Some(Value::RecordId(id)), Some(Value::String(payload))) => Ok((id, payload)),
        _ => Err(bad_key("row")),
    }
}

/// The length of the payload of a row, if it has one.
pub(super) fn payload_len(row: &Value) -> usize {
    let Value::Object(fields) = row else { return 0 };
    match fields.get("p") {
        Some(Value::String(payload)) => payload.len(),
        _ => 0,
    }
}

/// The payload among the fields of a row.
pub(super) fn payload_of(mut fields: Fields) -> Result<String> {
    match fields.remove("p") {
        Some(Value::String(payload)) => Ok(payload),
        _ => Err(bad_key("row")),
    }
}

/// The rows of `SELECT id, p …`.
pub(super) fn id_and_payload(found: Value) -> Result<Vec<(RecordId, String)>> {
    let Value::Array(found) = found else { return Err(bad_key("answer")) };
    found.into_iter().map(split).collect()
}

/// The fields of each row of an answer.
pub(super) fn objects(found: Value) -> Result<Vec<Fields>> {
    let Value::Array(found) = found else { return Err(bad_key("answer")) };
    let fields = |value| match value {
        Value::Object(object) => Ok(object.into_inner()),
        _ => Err(bad_key("answer")),
    };
    found.into_iter().map(fields).collect()
}

/// The rows of `SELECT * …`, with their keys apart.
pub(super) fn keyed(found: Value) -> Result<Vec<(RecordId, Fields)>> {
    let apart = |mut fields: Fields| match fields.remove("id") {
        Some(Value::RecordId(id)) => Ok((id, fields)),
        _ => Err(bad_key("answer")),
    };
    objects(found)?.into_iter().map(apart).collect()
}
