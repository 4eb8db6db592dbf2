//! Ingestion counters by hour.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use surrealdb::types::{RecordId, RecordIdKey, Value};

use super::{Result, Store, keys, rows, tx};

/// The messages of one hour, and what became of the customers in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HourRow {
    pub accepted: u64,
    /// Duplicates.
    pub repeated: u64,
    /// Rejected messages by code.
    pub rejected: BTreeMap<String, u64>,
    /// Accepted messages by the upper bound of their delay, in seconds.
    pub delays: BTreeMap<u32, u64>,
    pub merged: u64,
    pub unmerged: u64,
    /// The number of customers when the row was written last.
    pub customers: Option<u64>,
}

impl Store {
    /// The rows of the hours from `first` to `last`, both included, ascending. Hours are counted from 1970-01-01 in UTC.
    pub async fn ingest_hours(&self, first: i64, last: i64) -> Result<Vec<(i64, HourRow)>> {
        let range = keys::range("ingest_hour", RecordIdKey::Number(first), RecordIdKey::Number(last));
        let variables = tx::variables([("range", Value::RecordId(range))]);
        let found = self.handle.run("SELECT id, p FROM $range", variables).await?;
        let mut hours = Vec::new();
        for (id, payload) in rows::id_and_payload(found)? {
            let RecordIdKey::Number(hour) = id.key else { return Err(keys::bad_key("ingest_hour")) };
            hours.push((hour, rows::decode("ingest_hour", &payload)?));
        }
        hours.sort_unstable_by_key(|(hour, _)| *hour);
        Ok(hours)
    }

    /// Writes hours, and removes those from `oldest` up to and excluding `kept_from`.
    pub async fn write_ingest_hours(&self, hours: &[(i64, HourRow)], oldest: i64, kept_from: i64) -> Result<()> {
        let mut written = Vec::with_capacity(hours.len());
        for (hour, row) in hours {
            written.push(rows::row(RecordId::new("ingest_hour", *hour), rows::encode("ingest_hour", row)?));
        }
        let removed = (oldest..kept_from).map(|hour| Value::RecordId(RecordId::new("ingest_hour", hour)));
        let query = "
            BEGIN;
            INSERT INTO ingest_hour $written ON DUPLICATE KEY UPDATE p = $input.p RETURN NONE;
            DELETE $removed RETURN NONE;
            COMMIT;
        ";
        let variables = tx::variables([("written", Value::from_iter(written)), ("removed", Value::from_iter(removed))]);
        self.handle.run(query, variables).await?;
        Ok(())
    }
}
