//! Opening a database by its URL.

use std::sync::Arc;

use surrealdb::{
    IndexedResults, Surreal,
    engine::{any::Any, local::Db},
    method::Transaction,
    types::{Value, Variables},
};
use surrealdb_cnf::ConfigMap;
use surrealdb_core::kvs::Datastore;

use super::{
    Result, Store, StoreError, edition, migrate, tx,
    url::{DatabaseUrl, Embedded, Remote},
};

const NAMESPACE: &str = "profile360";
/// Of the first edition, and of what belongs to none.
pub(super) const DATABASE: &str = "profile360";

/// SurrealKV takes half of the machine's memory for its blocks where nobody says otherwise, and there is no such setting in
/// the URL; so an embedded database is built by hand.
const BLOCK_CACHE_BYTES: usize = 256 * 1024 * 1024;
/// What a memtable holds before it is written out; the largest transaction must stay well below.
const MEMTABLE_BYTES: usize = 128 * 1024 * 1024;

/// A client of either making; the two types of the SDK have one interface and no common trait.
pub(super) enum Handle {
    Any(Surreal<Any>),
    Embedded(Surreal<Db>, Arc<Datastore>),
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Any(_) => "Handle::Any",
            Self::Embedded(..) => "Handle::Embedded",
        })
    }
}

impl Handle {
    /// Ends the tasks of an embedded database and closes its files. Nothing that was acknowledged waits for this.
    pub(super) async fn close(&self) {
        if let Self::Embedded(_, datastore) = self
            && let Err(error) = datastore.shutdown().await
        {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }

    /// Another database behind the same connection.
    pub(super) async fn open(&self, database: &str) -> Result<Self> {
        match self {
            Self::Any(db) => {
                let db = db.clone();
                db.use_ns(NAMESPACE).use_db(database).await?;
                Ok(Self::Any(db))
            }
            Self::Embedded(db, datastore) => {
                let db = db.clone();
                db.use_ns(NAMESPACE).use_db(database).await?;
                Ok(Self::Embedded(db, datastore.clone()))
            }
        }
    }

    /// Runs a query of one or more statements; the value of the last. Fails with the first statement that fails.
    pub(super) async fn run(&self, query: &'static str, variables: Variables) -> Result<Value> {
        let answer = match self {
            Self::Any(db) => db.query(query).bind(variables).await,
            Self::Embedded(db, _) => db.query(query).bind(variables).await,
        };
        last_of(answer)
    }

    /// Opens a transaction.
    pub(super) async fn begin(&self) -> Result<Open> {
        let begun = match self {
            Self::Any(db) => db.clone().begin().await.map(Open::Any),
            Self::Embedded(db, _) => db.clone().begin().await.map(Open::Embedded),
        };
        begun.map_err(|error| tx::classify(vec![error]))
    }
}

/// A transaction that is written to by several queries.
#[derive(Debug)]
pub(super) enum Open {
    Any(Transaction<Any>),
    Embedded(Transaction<Db>),
}

impl Open {
    /// Runs a query of one or more statements in it. After an error it can only be cancelled.
    pub(super) async fn run(&self, query: &'static str, variables: Variables) -> Result<Value> {
        let answer = match self {
            Self::Any(open) => open.query(query).bind(variables).await,
            Self::Embedded(open) => open.query(query).bind(variables).await,
        };
        last_of(answer)
    }

    pub(super) async fn commit(self) -> Result<()> {
        let committed = match self {
            Self::Any(open) => open.commit().await.map(drop),
            Self::Embedded(open) => open.commit().await.map(drop),
        };
        committed.map_err(|error| tx::classify(vec![error]))
    }

    pub(super) async fn cancel(self) {
        let cancelled = match self {
            Self::Any(open) => open.cancel().await.map(drop),
            Self::Embedded(open) => open.cancel().await.map(drop),
        };
        // Nothing of it was committed, and nothing will be: it ends with its session.
        if let Err(error) = cancelled {
            tracing::debug!(%error, "a transaction was not cancelled cleanly");
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

/// Opens `surrealkv://PATH`, `mem://`, `ws://…` or `wss://…` and brings its schema up to date. Makes a base where there is none.
///
/// An embedded database is synced to the disk before a write is acknowledged, unless the URL says `?sync=` otherwise. A
/// server's URL may carry `user:password@` of a root user.
pub async fn connect(url: &str) -> Result<Store> {
    let handle = open(DatabaseUrl::parse(url)?).await?;
    migrate::run(&handle).await?;
    edition::open_in_force(handle).await
}

/// Opens a base as [`connect`] does, but makes none: for commands that only read.
pub async fn connect_existing(url: &str) -> Result<Store> {
    let url = DatabaseUrl::parse(url)?;
    let missing = || StoreError::NoBase { url: url.to_string() };
    if let DatabaseUrl::Embedded(embedded) = &url
        && !embedded.holds_database()
    {
        return Err(missing());
    }
    let handle = open(url.clone()).await?;
    if migrate::version(&handle).await? == 0 {
        handle.close().await;
        return Err(missing());
    }
    migrate::run(&handle).await?;
    edition::open_in_force(handle).await
}

async fn open(url: DatabaseUrl) -> Result<Handle> {
    match url {
        DatabaseUrl::Embedded(embedded) => open_embedded(&embedded).await,
        DatabaseUrl::Memory | DatabaseUrl::Remote(_) => open_any(&url).await,
    }
}

async fn open_embedded(url: &Embedded) -> Result<Handle> {
    let bad = |reason: String| StoreError::Url { url: url.to_string(), reason };
    url.make_folder()?;
    let config = ConfigMap::empty()
        .with_key_value("surrealkv_block_cache_capacity", BLOCK_CACHE_BYTES.to_string())
        .with_key_value("surrealkv_max_memtable_size", MEMTABLE_BYTES.to_string());
    let opened = Datastore::builder()
        .with_config(config)
        // Started by hand below: a task that writes before the version is written makes a new store look like an old one.
        .without_maintenance_tasks()
        .build_with_path(&url.to_string())
        .await;
    let datastore: Arc<Datastore> = opened.map_err(|error| bad(reason_of(&error.to_string())))?;
    datastore.check_version().await.map_err(|error| bad(error.to_string()))?;
    datastore.bootstrap().await.map_err(|error| bad(error.to_string()))?;
    datastore.start_maintenance_tasks();
    let db = Surreal::<Db>::unstable_from_datastore(datastore.clone(), None).await?;
    db.use_ns(NAMESPACE).use_db(DATABASE).await?;
    Ok(Handle::Embedded(db, datastore))
}

/// What the engine says of a folder that it cannot open, with what to do about it.
fn reason_of(text: &str) -> String {
    let lower = text.to_lowercase();
    let hint = if lower.contains("lock") {
        "; another process has it open: stop that one, or talk to it over HTTP"
    } else if lower.contains("permission denied") {
        "; the user that runs this program may not read and write that folder: change its owner, or name another folder"
    } else if lower.contains("no space left") {
        "; the disk is full: free some of it, then start again"
    } else {
        ""
    };
    format!("{text}{hint}")
}

async fn open_any(url: &DatabaseUrl) -> Result<Handle> {
    let bad = |reason: String| StoreError::Url { url: url.to_string(), reason };
    let db = surrealdb::engine::any::connect(url.to_string()).await.map_err(|error| {
        let text = error.to_string();
        let hint = if text.contains("HTTP error") {
            "; what answers there is no SurrealDB server: give the address that `surreal start` prints"
        } else {
            ""
        };
        bad(format!("{text}{hint}"))
    })?;
    if let DatabaseUrl::Remote(Remote { credentials: Some((username, password)), .. }) = url {
        let root = surrealdb::opt::auth::Root { username: username.clone(), password: password.clone() };
        db.signin(root).await.map_err(|error| bad(error.to_string()))?;
    }
    db.use_ns(NAMESPACE).use_db(DATABASE).await?;
    Ok(Handle::Any(db))
}
