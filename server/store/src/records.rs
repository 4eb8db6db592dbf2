//! Rows of an embedded database, read and written by their keys.
//!
//! A statement costs 20 to 35 µs a row, and memory for several copies of all its rows; the engine below it needs a fraction
//! of that. So the rows of an embedded database are read and written here, in the same transactions as the statements that follow
//! links, count, or remove what edges lead to. The bytes are those that a statement writes: a test compares them.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc};

use surrealdb::types::{RecordId, RecordIdKey, Value, Variables};
use surrealdb_core::{dbs::Session, err::anyhow_to_types_error, kvs::QueryRequest};
use surrealdb_datastore::{
    Key, KeyRange, Transaction, TransactionType, Transactor,
    catalog::{DatabaseId, LATEST_EDGE_VARIANT, NamespaceId, Record, RecordType, providers::DatabaseProvider},
    expr::dir::Dir,
    key::schema::{GraphKey, GraphPointerKey, RecordKey},
    val,
    values::graph::AdjacencyValue,
};
use surrealdb_kvs::{
    key::{KVKey, KVKeyDecode},
    value::KVValue,
};

use super::{
    Result, StoreError,
    handle::{Embedded, Engine, NAMESPACE},
    keys::bad_key,
    rows::{self, Fields},
    tx,
};

/// Where the rows of a database are among the keys of the engine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyspace {
    namespace: NamespaceId,
    database: DatabaseId,
}

/// A row as the engine keeps it.
#[derive(Debug)]
pub(super) struct StoredRow {
    key: Vec<u8>,
    value: Vec<u8>,
}

/// A graph edge as the engine keeps it: its row, its ends, and the keys that lead from each of the three to the others.
#[derive(Debug)]
pub(super) struct StoredEdge {
    row: StoredRow,
    ends: [Vec<u8>; 2],
    adjacent: [StoredRow; 4],
}

impl StoredRow {
    /// The memory that it needs in the engine until it is flushed: SurrealKV 0.21.4 counts 215 bytes for the node of a row.
    pub(super) fn n_bytes(&self) -> usize {
        Self::NODE + self.key.len() + self.value.len()
    }

    pub(super) const NODE: usize = 256;
}

impl StoredEdge {
    pub(super) fn n_bytes(&self) -> usize {
        self.row.n_bytes() + self.adjacent.iter().map(StoredRow::n_bytes).sum::<usize>()
    }
}

impl Keyspace {
    async fn of(transaction: &Transaction, session: &Session) -> Result<Self> {
        let database = session.db.as_deref().unwrap_or_default();
        let found = transaction.get_db_by_name(NAMESPACE, database, None).await.map_err(failed)?;
        let found =
            found.ok_or_else(|| StoreError::Corrupt { table: "database", reason: "it is not defined".to_owned() })?;
        Ok(Self { namespace: found.namespace_id, database: found.database_id })
    }

    /// Encodes a row: an object with its key in `id`.
    pub(super) fn encode(self, row: Value) -> Result<StoredRow> {
        let row = val::Value::from(row);
        let id = match &row {
            val::Value::Object(fields) => fields.get("id"),
            _ => None,
        };
        let Some(val::Value::RecordId(id)) = id else { return Err(bad_key("row")) };
        let key = self.key(id)?;
        let value = Record::new(row).kv_encode_value().map_err(failed)?;
        Ok(StoredRow { key, value })
    }

    /// Encodes a graph edge: a row with its ends in `in` and `out`.
    pub(super) fn encode_edge(self, row: Value) -> Result<StoredEdge> {
        let row = val::Value::from(row);
        let val::Value::Object(fields) = &row else { return Err(bad_key("edge")) };
        let [Some(edge), Some(from), Some(to)] = ["id", "in", "out"].map(|name| match fields.get(name) {
            Some(val::Value::RecordId(id)) => Some(id),
            _ => None,
        }) else {
            return Err(bad_key("edge"));
        };
        let adjacent = [
            self.pointer(from, Dir::Out, edge, to)?,
            self.inner(edge, Dir::In, from)?,
            self.inner(edge, Dir::Out, to)?,
            self.pointer(to, Dir::In, edge, from)?,
        ];
        let (key, ends) = (self.key(edge)?, [self.key(from)?, self.key(to)?]);
        let mut record = Record::new(row);
        record.set_record_type(RecordType::Edge { variant: LATEST_EDGE_VARIANT });
        let value = record.kv_encode_value().map_err(failed)?;
        Ok(StoredEdge { row: StoredRow { key, value }, ends, adjacent })
    }

    /// What leads from an edge to one of its ends.
    fn inner(self, edge: &val::RecordId, dir: Dir, end: &val::RecordId) -> Result<StoredRow> {
        let key = GraphKey {
            ns: self.namespace,
            db: self.database,
            tb: Cow::Borrowed(&edge.table),
            id: Cow::Borrowed(&edge.key),
            dir,
            foreign_table: Cow::Borrowed(&end.table),
            foreign_key: Cow::Borrowed(&end.key),
        };
        let value = ().kv_encode_value().map_err(failed)?;
        Ok(StoredRow { key: key.encode_key().map_err(failed)?.to_vec(), value })
    }

    /// What leads from one end to the other.
    fn pointer(self, end: &val::RecordId, dir: Dir, edge: &val::RecordId, target: &val::RecordId) -> Result<StoredRow> {
        let key = GraphPointerKey {
            ns: self.namespace,
            db: self.database,
            tb: Cow::Borrowed(&end.table),
            id: Cow::Borrowed(&end.key),
            dir,
            foreign_table: Cow::Borrowed(&edge.table),
            foreign_key: Cow::Borrowed(&edge.key),
            target_table: Cow::Borrowed(&target.table),
            target_key: Cow::Borrowed(&target.key),
        };
        let value = AdjacencyValue::live().kv_encode_value().map_err(failed)?;
        Ok(StoredRow { key: key.encode_key().map_err(failed)?.to_vec(), value })
    }

    fn key(self, id: &val::RecordId) -> Result<Vec<u8>> {
        let key = RecordKey::new(self.namespace, self.database, Cow::Borrowed(&id.table), Cow::Borrowed(&id.key));
        Ok(key.encode_key().map_err(failed)?.to_vec())
    }

    /// The keys of a range whose ends are both included.
    fn range(self, range: RecordId) -> Result<KeyRange<'static>> {
        let table = range.table;
        let RecordIdKey::Range(range) = range.key else { return Err(bad_key("range")) };
        let end = |bound: std::ops::Bound<RecordIdKey>| match bound {
            std::ops::Bound::Included(key) => self.key(&internal(RecordId { table: table.clone(), key })),
            _ => Err(bad_key("range")),
        };
        Ok(KeyRange { start: Key::from(end(range.start)?), end: Key::from(end(range.end)?).next() })
    }
}

/// A transaction of an embedded database.
#[derive(Clone)]
pub(super) struct Records {
    engine: Arc<Engine>,
    session: Arc<Session>,
    transaction: Arc<Transaction>,
    keyspace: Keyspace,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("keyspace", &self.keyspace).finish_non_exhaustive()
    }
}

impl Records {
    pub(super) async fn read(base: &Embedded) -> Result<Self> {
        Self::begin(base, TransactionType::Read).await
    }

    pub(super) async fn write(base: &Embedded) -> Result<Self> {
        Self::begin(base, TransactionType::Write).await
    }

    async fn begin(base: &Embedded, kind: TransactionType) -> Result<Self> {
        let transaction = base.engine.datastore.transaction(kind).await.map_err(failed)?;
        let keyspace = match base.keyspace.get() {
            Some(keyspace) => *keyspace,
            None => {
                let found = Keyspace::of(&transaction, &base.session).await?;
                *base.keyspace.get_or_init(|| found)
            }
        };
        Ok(Self {
            engine: base.engine.clone(),
            session: base.session.clone(),
            transaction: Arc::new(transaction),
            keyspace,
        })
    }

    /// Runs statements in the transaction and returns the value of the last.
    pub(super) async fn run(&self, query: &str, variables: Variables) -> Result<Value> {
        let request = QueryRequest::new(query, &self.session)
            .with_variables(Some(variables))
            .with_transaction(self.transaction.clone());
        let results = self.engine.datastore.run(request).await.map_err(|error| tx::classify(vec![error]))?;
        let (mut last, mut errors) = (Value::None, Vec::new());
        for result in results {
            match result.result {
                Ok(value) => last = value,
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(last) } else { Err(tx::classify(errors)) }
    }

    /// The rows with those keys, in their order. Omits unknown ones.
    pub(super) async fn get(&self, ids: Vec<RecordId>) -> Result<Vec<(RecordId, Fields)>> {
        let mut keys = Vec::with_capacity(ids.len());
        let mut internals = Vec::with_capacity(ids.len());
        for id in &ids {
            let id = internal(id.clone());
            keys.push(Key::from(self.keyspace.key(&id)?));
            internals.push(id);
        }
        let found = self.transaction.getm(&keys, None).await.map_err(|error| failed(error.into()))?;
        let mut rows = Vec::new();
        for ((id, internal), value) in ids.into_iter().zip(internals).zip(found.values) {
            if let Some(value) = value {
                rows.push((id, fields_of(&value, internal)?));
            }
        }
        Ok(rows)
    }

    /// The rows of a range, ascending.
    pub(super) async fn get_range(&self, range: RecordId) -> Result<Vec<(RecordId, Fields)>> {
        let range = self.keyspace.range(range)?;
        let found = Transactor::getr(&self.transaction, range, None).await.map_err(|error| failed(error.into()))?;
        let mut rows = Vec::with_capacity(found.values.len());
        for (key, value) in found.values {
            let key = RecordKey::decode_key(&key).map_err(failed)?;
            let id = val::RecordId { table: key.tb.into_owned(), key: key.id.into_owned() };
            let public = RecordId { table: id.table.as_str().into(), key: id.key.clone().try_into().map_err(failed)? };
            rows.push((public, fields_of(&value, id)?));
        }
        Ok(rows)
    }

    /// Writes rows that are new. Fails as a conflict if one exists.
    pub(super) async fn insert(&self, rows: Vec<StoredRow>) -> Result<()> {
        for StoredRow { key, value } in rows {
            self.transaction.put(Key::from(key), value).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Writes graph edges that are new. Fails as a conflict if one exists, or if one of its ends is gone.
    pub(super) async fn insert_edges(&self, edges: Vec<StoredEdge>) -> Result<()> {
        for StoredEdge { row, ends, adjacent } in edges {
            for end in ends {
                self.expect(&end).await?;
            }
            self.insert(vec![row]).await?;
            self.replace(adjacent.into()).await?;
        }
        Ok(())
    }

    async fn expect(&self, key: &[u8]) -> Result<()> {
        let exists = self.transaction.exists(Key::from(key), None).await;
        if exists.map_err(|error| failed(error.into()))? { Ok(()) } else { Err(StoreError::Conflict) }
    }

    /// Writes rows that may exist.
    pub(super) async fn replace(&self, rows: Vec<StoredRow>) -> Result<()> {
        for StoredRow { key, value } in rows {
            self.transaction.set(Key::from(key), value).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Replaces rows that exist. Fails as a conflict if one is gone.
    pub(super) async fn update(&self, rows: Vec<StoredRow>) -> Result<()> {
        for StoredRow { key, value } in rows {
            self.expect(&key).await?;
            self.transaction.set(Key::from(key), value).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Replaces the payloads of graph edges that exist, and keeps what else the engine has noted in their rows. Fails as a conflict
    /// if one is gone.
    pub(super) async fn update_edges(&self, rows: Value) -> Result<()> {
        let Value::Array(rows) = rows else { return Err(bad_key("linked")) };
        for row in rows {
            let (id, payload) = rows::split(row)?;
            let id = internal(id);
            let key = self.keyspace.key(&id)?;
            let found = self.transaction.get(Key::from(key.as_slice()), None).await.map_err(failed)?;
            let Some(found) = found else { return Err(StoreError::Conflict) };
            let mut record = Record::kv_decode_value(&found, id).map_err(failed)?;
            let val::Value::Object(fields) = &mut record.data else { return Err(bad_key("linked")) };
            fields.insert("p", val::Value::String(payload.into()));
            let value = record.kv_encode_value().map_err(failed)?;
            self.transaction.set(Key::from(key), value).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Removes rows that no graph edge leads to. Unknown keys are fine.
    pub(super) async fn remove(&self, ids: Value) -> Result<()> {
        let Value::Array(ids) = ids else { return Err(bad_key("removed")) };
        for id in ids {
            let Value::RecordId(id) = id else { return Err(bad_key("removed")) };
            let key = self.keyspace.key(&internal(id))?;
            self.transaction.del(Key::from(key)).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Commits. It is not interrupted if its caller gives up.
    pub(super) async fn commit(self) -> Result<()> {
        let commit = async move {
            let committed = self.transaction.commit().await.map_err(failed);
            self.engine.written(&committed)?;
            committed
        };
        tokio::spawn(commit).await.map_err(|error| surrealdb::Error::internal(error.to_string()))?
    }

    pub(super) async fn cancel(&self) {
        if let Err(error) = self.transaction.cancel().await {
            tracing::debug!(%error, "a transaction was not canceled cleanly");
        }
    }
}

fn internal(id: RecordId) -> val::RecordId {
    val::RecordId { table: val::TableName::new(id.table.into_string()), key: id.key.into() }
}

/// The fields of a row, without its key.
fn fields_of(value: &[u8], id: val::RecordId) -> Result<Fields> {
    let record = Record::kv_decode_value(value, id).map_err(failed)?;
    let val::Value::Object(object) = record.data else { return Err(bad_key("row")) };
    let fields = object.0.into_iter().filter(|(name, _)| name.as_str() != "id");
    let public = |(name, value): (_, val::Value)| {
        Ok((String::from(name), val::convert_value_to_public_value(value).map_err(failed)?))
    };
    fields.map(public).collect()
}

fn failed(error: anyhow::Error) -> StoreError {
    tx::classify(vec![anyhow_to_types_error(error)])
}
