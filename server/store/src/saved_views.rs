//! Saved views of the customer list.

use std::collections::BTreeMap;

use profile360_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use surrealdb::types::Value;

use super::{Result, Store, keys, rows, tx};

/// A filter, an order and columns of the customer list, under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedView {
    /// The name of the key that saved it.
    pub owner: String,
    pub name: String,
    /// The query part of the list's address: filter and order.
    pub query: String,
    /// The columns from left to right.
    pub columns: Vec<String>,
    /// Whether others see it, too.
    pub is_shared: bool,
    pub saved_at: Timestamp,
}

impl Store {
    /// All saved views by their IDs. The server bounds their number.
    pub async fn saved_views(&self) -> Result<BTreeMap<String, SavedView>> {
        let found = self.handle.run("SELECT id, p FROM saved_view", tx::no_variables()).await?;
        let rows = rows::id_and_payload(found)?.into_iter();
        let view = |(id, payload): (_, String)| {
            Ok((keys::last_text_of(&id)?.to_owned(), rows::decode("saved_view", &payload)?))
        };
        rows.map(view).collect()
    }

    /// Writes a view, in place of an earlier one with this ID.
    pub async fn put_saved_view(&self, id: &str, view: &SavedView) -> Result<()> {
        let row = rows::row(keys::text_id("saved_view", id), rows::encode("saved_view", view)?);
        let query = "FOR $row IN $rows { UPSERT $row.id CONTENT $row RETURN NONE }";
        self.handle.run(query, tx::variables([("rows", Value::from_iter([row]))])).await?;
        Ok(())
    }

    pub async fn remove_saved_view(&self, id: &str) -> Result<()> {
        let ids = Value::from_iter([Value::RecordId(keys::text_id("saved_view", id))]);
        self.handle.run("DELETE $ids RETURN NONE", tx::variables([("ids", ids)])).await?;
        Ok(())
    }
}
