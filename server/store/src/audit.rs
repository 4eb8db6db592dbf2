//! The audit log. Append-only.

use profile360_core::{identifier::UnifiedId, time::Timestamp};
use serde::{Deserialize, Serialize};
use surrealdb::types::{RecordId, RecordIdKey, Value};

use super::{Result, Store, keys, rows, tx};

/// What a client did, without the data that it saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    pub at: Timestamp,
    /// The ID of the API key, with its name and role at that time.
    pub key: String,
    pub actor: String,
    pub role: String,
    pub action: String,
    /// The root fields of the query.
    pub operation: Vec<String>,
    /// The properties of customers that the selection depended on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// The customers, by unified IDs. Many of them are split over several rows of the same time.
    pub subjects: Vec<UnifiedId>,
    /// The number of customers in all these rows.
    pub n_subjects: u64,
}

impl Store {
    /// The number of rows. They are numbered from 1.
    pub async fn n_audited(&self) -> Result<i64> {
        Ok(self.setting("audited").await?.and_then(|it| it.parse().ok()).unwrap_or(0))
    }

    /// Appends rows after row `n_before`. Fails with a conflict if another server has appended rows since.
    pub async fn add_audit(&self, n_before: i64, added: &[AuditRow]) -> Result<i64> {
        let mut number = n_before;
        let mut new = Vec::with_capacity(added.len());
        for row in added {
            number += 1;
            new.push(rows::row(RecordId::new("audit", number), rows::encode("audit", row)?));
        }
        let counter = rows::row(keys::text_id("setting", "audited"), number.to_string());
        let query = "
            BEGIN;
            INSERT INTO audit $new RETURN NONE;
            FOR $row IN $counter { UPSERT $row.id CONTENT $row RETURN NONE };
            COMMIT;
        ";
        let variables = tx::variables([("new", Value::from_iter(new)), ("counter", Value::from_iter([counter]))]);
        self.handle.run(query, variables).await?;
        Ok(number)
    }

    /// The rows with those numbers, ascending.
    pub async fn audit(&self, numbers: &[i64]) -> Result<Vec<(i64, AuditRow)>> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let ids = numbers.iter().map(|it| Value::RecordId(RecordId::new("audit", *it)));
        let found = self.handle.run("SELECT id, p FROM $ids", tx::variables([("ids", Value::from_iter(ids))])).await?;
        let mut audit = Vec::with_capacity(numbers.len());
        for (id, payload) in rows::id_and_payload(found)? {
            let RecordIdKey::Number(number) = id.key else { return Err(keys::bad_key("audit")) };
            audit.push((number, rows::decode("audit", &payload)?));
        }
        audit.sort_unstable_by_key(|(number, _)| *number);
        Ok(audit)
    }
}
