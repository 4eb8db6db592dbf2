//! Clients of a database: queries and transactions.

use std::{borrow::Cow, sync::Arc};

use surrealdb::{
    IndexedResults, Surreal,
    engine::{any::Any, local::Db},
    method::Transaction,
    types::{Value, Variables},
};
use surrealdb_core::{dbs::Session, kvs::Datastore};
use tokio::sync::Semaphore;

use super::{
    Result, StoreError,
    conflict_map::{self, ConflictMap},
    engine::StorageEngine,
    exit,
    recovery::LogKeeper,
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
    Embedded(Surreal<Db>, Arc<Engine>, Arc<Session>),
    /// Reads of one commit.
    Snapshot(Arc<Snapshot>),
}

/// A server allows 64 open transactions per connection. Some are left for writes.
const REMOTE_SNAPSHOTS: usize = 48;

/// The parts of an embedded database, apart from its client.
pub(super) struct Engine {
    pub storage: StorageEngine,
    pub datastore: Arc<Datastore>,
    pub conflict_map: ConflictMap,
    /// Of SurrealKV. RocksDB keeps its log itself.
    pub log: Option<LogKeeper>,
}

impl Engine {
    /// To be called after everything that may have been a commit, and before it is acknowledged.
    fn written<T>(&self, result: &Result<T>) -> Result<()> {
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
        Self::Embedded(db, engine, Arc::new(session))
    }

    /// Ends the tasks of an embedded database and closes its files. Acknowledged commits are durable without it.
    pub(super) async fn close(&self) {
        let Self::Embedded(_, engine, _) = self else { return };
        // The engine reports success even if it could not write, so check the files that it left.
        let closed = engine.datastore.shutdown().await.map_err(|error| error.to_string());
        let end = |log: &LogKeeper| log.end().map_err(|error| error.to_string());
        if let Err(error) = closed.and_then(|()| engine.log.as_ref().map_or(Ok(()), end)) {
            tracing::warn!(%error, "the database did not close cleanly; the next start recovers from its log");
        }
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
            Self::Embedded(db, engine, _) => {
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
            Self::Remote(db, _) | Self::Memory(db) => last_of(db.query(query).bind(variables).await),
            Self::Embedded(db, engine, _) => {
                let answer = last_of(db.query(query).bind(variables).await);
                engine.written(&answer)?;
                answer
            }
            Self::Snapshot(_) => Err(nested()),
        }
    }

    /// To be called after rows were written. The memory of the engine for conflicts grows with them.
    pub(super) fn count_rows(&self, n_rows: usize) {
        let Self::Embedded(db, engine, _) = self.plain() else { return };
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
        let begun = match self.plain() {
            Self::Remote(db, _) | Self::Memory(db) => db.clone().begin().await.map(Open::Any),
            Self::Embedded(db, engine, _) => {
                db.clone().begin().await.map(|transaction| Open::Embedded(transaction, engine.clone()))
            }
            Self::Snapshot(_) => return Err(nested()),
        };
        begun.map_err(|error| tx::classify(vec![error]))
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
    Embedded(Transaction<Db>, Arc<Engine>),
}

impl Open {
    /// Runs a query of one or more statements in the transaction. After an error it can only be canceled.
    pub(super) async fn run(&self, query: impl Into<Cow<'static, str>>, variables: Variables) -> Result<Value> {
        let query = query.into();
        let answer = match self {
            Self::Any(open) => open.query(query).bind(variables).await,
            Self::Embedded(open, _) => open.query(query).bind(variables).await,
        };
        last_of(answer)
    }

    pub(super) async fn commit(self) -> Result<()> {
        let failed = |error| tx::classify(vec![error]);
        match self {
            Self::Any(open) => open.commit().await.map(drop).map_err(failed),
            Self::Embedded(open, engine) => {
                let committed = open.commit().await.map(drop).map_err(failed);
                engine.written(&committed)?;
                committed
            }
        }
    }

    pub(super) async fn cancel(self) {
        let canceled = match self {
            Self::Any(open) => open.cancel().await.map(drop),
            Self::Embedded(open, _) => open.cancel().await.map(drop),
        };
        // Nothing was committed: the transaction ends with its session.
        if let Err(error) = canceled {
            tracing::debug!(%error, "a transaction was not canceled cleanly");
        }
    }
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
