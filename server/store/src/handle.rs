//! Clients of a database: queries and transactions.

use std::{borrow::Cow, sync::Arc};

use surrealdb::{
    IndexedResults, Surreal,
    engine::{any::Any, local::Db},
    method::Transaction,
    types::{Value, Variables},
};
use surrealdb_core::kvs::Datastore;

use super::{Result, engine::StorageEngine, exit, recovery::LogKeeper, tx};

pub(super) const NAMESPACE: &str = "profile360";
pub(super) const DATABASE: &str = "customers";

/// A client of either kind. The two types of the SDK have the same methods but no common trait.
pub(super) enum Handle {
    Any(Surreal<Any>),
    /// A database in memory.
    Memory(Surreal<Any>),
    Embedded(Surreal<Db>, Arc<Engine>),
}

/// The parts of an embedded database, apart from its client.
pub(super) struct Engine {
    pub storage: StorageEngine,
    pub datastore: Arc<Datastore>,
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
            Self::Any(_) => "Handle::Any",
            Self::Memory(_) => "Handle::Memory",
            Self::Embedded(..) => "Handle::Embedded",
        })
    }
}

impl Handle {
    /// Ends the tasks of an embedded database and closes its files. Acknowledged commits are durable without it.
    pub(super) async fn close(&self) {
        let Self::Embedded(_, engine) = self else { return };
        // The engine reports success even if it could not write, so check the files that it left.
        let closed = engine.datastore.shutdown().await.map_err(|error| error.to_string());
        let end = |log: &LogKeeper| log.end().map_err(|error| error.to_string());
        if let Err(error) = closed.and_then(|()| engine.log.as_ref().map_or(Ok(()), end)) {
            tracing::warn!(%error, "the database did not close cleanly; the next start recovers from its log");
        }
    }

    /// Another database of the same connection.
    pub(super) async fn open(&self, database: &str) -> Result<Self> {
        match self {
            Self::Any(db) => {
                let db = db.clone();
                db.use_ns(NAMESPACE).use_db(database).await?;
                Ok(Self::Any(db))
            }
            Self::Memory(db) => {
                let db = db.clone();
                db.use_ns(NAMESPACE).use_db(database).await?;
                Ok(Self::Memory(db))
            }
            Self::Embedded(db, engine) => {
                let db = db.clone();
                db.use_ns(NAMESPACE).use_db(database).await?;
                Ok(Self::Embedded(db, engine.clone()))
            }
        }
    }

    /// Runs a query of one or more statements and returns the value of the last. Fails if any statement fails.
    pub(super) async fn run(&self, query: impl Into<Cow<'static, str>>, variables: Variables) -> Result<Value> {
        let query = query.into();
        match self {
            Self::Any(db) | Self::Memory(db) => last_of(db.query(query).bind(variables).await),
            Self::Embedded(db, engine) => {
                let answer = last_of(db.query(query).bind(variables).await);
                engine.written(&answer)?;
                answer
            }
        }
    }

    pub(super) async fn begin(&self) -> Result<Open> {
        let begun = match self {
            Self::Any(db) | Self::Memory(db) => db.clone().begin().await.map(Open::Any),
            Self::Embedded(db, engine) => {
                db.clone().begin().await.map(|transaction| Open::Embedded(transaction, engine.clone()))
            }
        };
        begun.map_err(|error| tx::classify(vec![error]))
    }
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
