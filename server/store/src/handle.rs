//! Clients of a database: queries and transactions.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
    time::Duration,
};

use surrealdb::{
    IndexedResults, Surreal,
    engine::{any::Any, local::Db},
    method::Transaction,
    types::{RecordId, Value, Variables},
};
use surrealdb_core::{dbs::Session, kvs::Datastore};
use tokio::sync::Semaphore;

use super::{
    KEYS_AT_ONCE, Result, StoreError,
    conflict_map::{self, ConflictMap},
    engine::StorageEngine,
    exit,
    records::{Keyspace, Records},
    recovery::LogKeeper,
    rows::{self, Fields},
    snapshot::{self, Snapshot},
    tx,
};

pub(super) const NAMESPACE: &str = "profile360";
pub(super) const DATABASE: &str = "customers";

/// A client of some kind. The two types of the SDK have the same methods but no common trait.
pub(super) enum Handle {
    /// A server, and permits for the snapshots of the connection.
    Remote(Surreal<Any>, Arc<Semaphore>),
    /// A database in memory.
    Memory(Surreal<Any>),
    Embedded(Embedded),
    /// Reads of one commit.
    Snapshot(Arc<Snapshot>),
}

/// An embedded database.
#[derive(Clone)]
pub(super) struct Embedded {
    /// For what writes outside of a [`Records`], and so is not interrupted if its caller gives up.
    pub db: Surreal<Db>,
    pub engine: Arc<Engine>,
    pub session: Arc<Session>,
    /// Known from the first transaction on.
    pub keyspace: Arc<OnceLock<Keyspace>>,
}

/// How long a call of a database server may last: less than a response may. While the connection is broken, the SDK keeps calls without
/// a limit.
const LONGEST_CALL: Duration = Duration::from_secs(20);

/// A server allows 64 open transactions per connection. Some are left for writes.
const REMOTE_SNAPSHOTS: usize = 48;

/// The parts of an embedded database, apart from its client.
pub(super) struct Engine {
    pub storage: StorageEngine,
    /// In bytes of its memory. The engine ends in the middle of a larger one, and could not open its log again.
    pub largest_transaction: usize,
    pub datastore: Arc<Datastore>,
    pub conflict_map: ConflictMap,
    /// Of SurrealKV. RocksDB keeps its log itself.
    pub log: Option<LogKeeper>,
}

impl Engine {
    /// To be called after everything that may have been a commit, and before it is acknowledged.
    pub(super) fn written<T>(&self, result: &Result<T>) -> Result<()> {
        if let Err(error) = result
            && tx::has_failed_to_write(error, self.storage)
        {
            exit::end(&format!("the storage engine cannot write anymore: {error}"));
        }
        if let Some(log) = &self.log {
            log.follow()?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("log", &self.log).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Remote(..) => "Handle::Remote",
            Self::Memory(_) => "Handle::Memory",
            Self::Embedded(..) => "Handle::Embedded",
            Self::Snapshot(_) => "Handle::Snapshot",
        })
    }
}

impl Handle {
    pub(super) fn remote(db: Surreal<Any>) -> Self {
        Self::Remote(db, Arc::new(Semaphore::new(REMOTE_SNAPSHOTS)))
    }

    pub(super) fn memory(db: Surreal<Any>) -> Self {
        Self::Memory(db)
    }

    pub(super) fn embedded(db: Surreal<Db>, engine: Arc<Engine>, database: &str) -> Self {
        let session = Session::owner().with_ns(NAMESPACE).with_db(database);
        Self::Embedded(Embedded { db, engine, session: Arc::new(session), keyspace: Arc::default() })
    }

    /// Ends the tasks of an embedded database and closes its files. Acknowledged commits are durable without it.
    pub(super) async fn close(&self) {
        let Self::Embedded(Embedded { engine, .. }) = self else { return };
        // The engine reports success even if it could not write, so check the files that it left.
        let closed = engine.datastore.shutdown().await.map_err(|error| error.to_string());
        let end = |log: &LogKeeper| log.end().map_err(|error| error.to_string());
        if let Err(error) = closed.and_then(|()| engine.log.as_ref().map_or(Ok(()), end)) {
            tracing::warn!(%error, "the database did not close cleanly; the next start recovers from its log");
        }
    }

    /// Whether it is of a database that other processes may have open, too.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self.plain(), Self::Remote(..))
    }

    /// The client that a snapshot is of, or this one.
    fn plain(&self) -> &Self {
        match self {
            Self::Snapshot(snapshot) => snapshot.plain(),
            plain => plain,
        }
    }

    /// Another database of the same connection.
    pub(super) async fn open(&self, database: &str) -> Result<Self> {
        match self.plain() {
            Self::Remote(db, permits) => {
                let db = db.clone();
                db.use_ns(NAMESPACE).use_db(database).await?;
                Ok(Self::Remote(db, permits.clone()))
            }
            Self::Memory(db) => {
                let db = db.clone();
                db.use_ns(NAMESPACE).use_db(database).await?;
                Ok(Self::memory(db))
            }
            Self::Embedded(Embedded { db, engine, .. }) => {
                let db = db.clone();
                db.use_ns(NAMESPACE).use_db(database).await?;
                Ok(Self::embedded(db, engine.clone(), database))
            }
            Self::Snapshot(_) => Err(nested()),
        }
    }

    /// Runs a query of one or more statements and returns the value of the last. Fails if any statement fails. Through a snapshot
    /// the database itself is written to, and what is read after that includes it.
    pub(super) async fn run(&self, query: impl Into<Cow<'static, str>>, variables: Variables) -> Result<Value> {
        let query = query.into();
        if let Self::Snapshot(snapshot) = self {
            if snapshot::reads_only(&query) {
                return snapshot.read(query, variables).await;
            }
            let answer = self.plain().run_plain(query, variables).await;
            snapshot.refresh().await;
            return answer;
        }
        self.run_plain(query, variables).await
    }

    async fn run_plain(&self, query: Cow<'static, str>, variables: Variables) -> Result<Value> {
        match self {
            Self::Remote(db, _) | Self::Memory(db) => {
                answered(async { last_of(db.query(query).bind(variables).await) }).await
            }
            Self::Embedded(base) if snapshot::reads_only(&query) => {
                Records::read(base).await?.run(&query, variables).await
            }
            Self::Embedded(Embedded { db, engine, .. }) => {
                let answer = last_of(db.query(query).bind(variables).await);
                engine.written(&answer)?;
                answer
            }
            Self::Snapshot(_) => Err(nested()),
        }
    }

    /// The rows with those keys. Omits unknown ones.
    pub(super) async fn get(&self, ids: Vec<RecordId>) -> Result<Vec<(RecordId, Fields)>> {
        match self {
            Self::Embedded(base) => Records::read(base).await?.get(ids).await,
            Self::Snapshot(snapshot) => match snapshot.records().await? {
                Some(records) => records.get(ids).await,
                None => self.select(ids).await,
            },
            Self::Remote(..) | Self::Memory(_) => self.select(ids).await,
        }
    }

    /// The rows of a range whose ends are both included, ascending.
    pub(super) async fn get_range(&self, range: RecordId) -> Result<Vec<(RecordId, Fields)>> {
        match self {
            Self::Embedded(base) => Records::read(base).await?.get_range(range).await,
            Self::Snapshot(snapshot) => match snapshot.records().await? {
                Some(records) => records.get_range(range).await,
                None => self.select_range(range).await,
            },
            Self::Remote(..) | Self::Memory(_) => self.select_range(range).await,
        }
    }

    /// As [`Self::get`], with a statement.
    pub(super) async fn select(&self, ids: Vec<RecordId>) -> Result<Vec<(RecordId, Fields)>> {
        let mut rows = Vec::with_capacity(ids.len());
        for ids in ids.chunks(KEYS_AT_ONCE) {
            let ids = Value::from_iter(ids.iter().cloned().map(Value::RecordId));
            rows.extend(rows::keyed(self.run("SELECT * FROM $ids", tx::variables([("ids", ids)])).await?)?);
        }
        Ok(rows)
    }

    /// As [`Self::get_range`], with a statement.
    pub(super) async fn select_range(&self, range: RecordId) -> Result<Vec<(RecordId, Fields)>> {
        let variables = tx::variables([("range", Value::RecordId(range))]);
        rows::keyed(self.run("SELECT * FROM $range", variables).await?)
    }

    /// To be called after rows were written without [`Self::run`], so that a snapshot sees them.
    pub(super) async fn refresh(&self) {
        if let Self::Snapshot(snapshot) = self {
            snapshot.refresh().await;
        }
    }

    /// To be called after rows were written. The memory of the engine for conflicts grows with them.
    pub(super) fn count_rows(&self, n_rows: usize) {
        let Self::Embedded(Embedded { db, engine, .. }) = self.plain() else { return };
        if engine.storage == StorageEngine::SurrealKv && engine.conflict_map.count(n_rows) {
            let db = db.clone();
            tokio::spawn(async move {
                if let Err(error) = conflict_map::forget_old_keys(&db).await {
                    tracing::warn!(%error, "the storage engine keeps more memory than it needs");
                }
            });
        }
    }

    pub(super) async fn begin(&self) -> Result<Open> {
        match self.plain() {
            Self::Remote(db, _) | Self::Memory(db) => {
                let begun = async { db.clone().begin().await.map_err(|error| tx::classify(vec![error])) };
                answered(begun).await.map(Open::Any)
            }
            Self::Embedded(base) => Records::write(base).await.map(Open::Embedded),
            Self::Snapshot(_) => Err(nested()),
        }
    }

    /// The parts of an embedded database.
    pub(super) fn embedded_base(&self) -> Option<&Embedded> {
        match self.plain() {
            Self::Embedded(base) => Some(base),
            _ => None,
        }
    }
}

/// Snapshots share the snapshot that they are of, so that none is nested.
pub(super) fn nested() -> StoreError {
    surrealdb::Error::internal("a snapshot of a snapshot".to_owned()).into()
}

/// A transaction of several queries.
#[derive(Debug)]
pub(super) enum Open {
    Any(Transaction<Any>),
    Embedded(Records),
}

impl Open {
    /// Runs a query of one or more statements in the transaction. After an error it can only be canceled.
    pub(super) async fn run(&self, query: impl Into<Cow<'static, str>>, variables: Variables) -> Result<Value> {
        let query = query.into();
        match self {
            Self::Any(open) => answered(async { last_of(open.query(query).bind(variables).await) }).await,
            Self::Embedded(records) => records.run(&query, variables).await,
        }
    }

    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Self::Any(open) => {
                answered(async { open.commit().await.map(drop).map_err(|error| tx::classify(vec![error])) }).await
            }
            Self::Embedded(records) => records.commit().await,
        }
    }

    pub(super) async fn cancel(self) {
        match self {
            // If nothing was committed, the transaction ends with its session.
            Self::Any(open) => {
                let canceled = answered(async { open.cancel().await.map(drop).map_err(StoreError::from) });
                if let Err(error) = canceled.await {
                    tracing::debug!(%error, "a transaction was not canceled cleanly");
                }
            }
            Self::Embedded(records) => records.cancel().await,
        }
    }
}

/// The answer to a call, which may never come.
async fn answered<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(LONGEST_CALL, call).await.unwrap_or(Err(StoreError::Silent))
}

/// The value of the last statement, unless one has failed.
fn last_of(answer: surrealdb::Result<IndexedResults>) -> Result<Value> {
    let mut answer = answer.map_err(|error| tx::classify(vec![error]))?;
    let errors = answer.take_errors();
    if !errors.is_empty() {
        return Err(tx::classify(errors.into_values().collect()));
    }
    let last = answer.num_statements().saturating_sub(1);
    Ok(answer.take::<Value>(last)?)
}
