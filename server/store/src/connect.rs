//! Opening a database by its URL.

use std::{io, sync::Arc, time::Instant};

use surrealdb::{
    IndexedResults, Surreal,
    engine::{any::Any, local::Db},
    method::Transaction,
    types::{Value, Variables},
};
use surrealdb_cnf::ConfigMap;
use surrealdb_core::kvs::Datastore;

use super::{
    Result, Store, StoreError, edition, migrate,
    recovery::{self, LogKeeper, RecoveryError},
    tx,
    url::{DatabaseUrl, Embedded, Remote},
    watch,
};

const NAMESPACE: &str = "profile360";
/// The database of the first edition, and of what belongs to no edition.
pub(super) const DATABASE: &str = "profile360";

/// By default SurrealKV uses half of the machine's memory as block cache, and the URL has no setting for that. So an embedded
/// database is built from its parts.
const BLOCK_CACHE_BYTES: usize = 256 * 1024 * 1024;
/// The size of a memtable before it is flushed. The largest transaction must be well below it.
pub(super) const MEMTABLE_BYTES: usize = 128 * 1024 * 1024;

/// A client of either kind. The two types of the SDK have the same methods but no common trait.
pub(super) enum Handle {
    Any(Surreal<Any>),
    /// A database in memory.
    Memory(Surreal<Any>),
    Embedded(Surreal<Db>, Arc<Engine>),
}

/// The parts of an embedded database, apart from its client.
pub(super) struct Engine {
    datastore: Arc<Datastore>,
    log: LogKeeper,
}

impl Engine {
    /// To be called after everything that may have been a commit, and before it is acknowledged.
    fn written<T>(&self, result: &Result<T>) -> Result<()> {
        if let Err(error) = result
            && tx::has_failed_to_write(error)
        {
            watch::end(&format!("the storage engine cannot write anymore: {error}"));
        }
        Ok(self.log.follow()?)
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
        if let Err(error) = closed.and_then(|()| engine.log.end().map_err(|error| error.to_string())) {
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
    pub(super) async fn run(&self, query: &'static str, variables: Variables) -> Result<Value> {
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
    pub(super) async fn run(&self, query: &'static str, variables: Variables) -> Result<Value> {
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

/// Opens `surrealkv://PATH`, `mem://`, `ws://…` or `wss://…` and applies migrations. Creates the database if there is none.
///
/// An embedded database syncs to disk before a write is acknowledged, unless the URL sets `?sync=`. The URL of a server may
/// contain `user:password@` of a root user.
pub async fn connect(url: &str) -> Result<Store> {
    let handle = open(DatabaseUrl::parse(url)?).await?;
    migrate::run(&handle).await?;
    edition::open_in_force(handle).await
}

/// Opens a database as [`connect`] does but never creates one: for commands that only read.
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
    let unsafe_to_open = |error: RecoveryError| bad(reason_not_to_open(&error));
    url.make_folder()?;

    let started = Instant::now();
    let folder = url.path.clone();
    let prepared = tokio::task::spawn_blocking(move || recovery::prepare(&folder)).await;
    let prepared = prepared.map_err(|error| bad(error.to_string()))?.map_err(unsafe_to_open)?;
    if let Some(recovered) = prepared {
        let datastore = build(url).await.map_err(bad)?;
        datastore.shutdown().await.map_err(|error| bad(error.to_string()))?;
        drop(datastore);
        recovery::finish(&url.path).map_err(unsafe_to_open)?;
        tracing::warn!(
            commits = recovered.n_commits,
            bytes = recovered.n_bytes,
            unfinished_bytes = recovered.n_bytes_cut,
            seconds = started.elapsed().as_secs_f64(),
            "the database was not closed; all acknowledged commits were recovered from its log"
        );
    }

    let datastore = build(url).await.map_err(bad)?;
    let log = LogKeeper::start(&url.path).map_err(unsafe_to_open)?;
    datastore.check_version().await.map_err(|error| bad(error.to_string()))?;
    datastore.bootstrap().await.map_err(|error| bad(error.to_string()))?;
    log.expect_written().map_err(unsafe_to_open)?;
    datastore.start_maintenance_tasks();
    let db = Surreal::<Db>::unstable_from_datastore(datastore.clone(), None).await?;
    db.use_ns(NAMESPACE).use_db(DATABASE).await?;
    Ok(Handle::Embedded(db, Arc::new(Engine { datastore, log })))
}

/// Opens the engine without its tasks: a task that writes before the version does makes a new store look like an old one.
async fn build(url: &Embedded) -> std::result::Result<Arc<Datastore>, String> {
    let config = ConfigMap::empty()
        .with_key_value("surrealkv_block_cache_capacity", BLOCK_CACHE_BYTES.to_string())
        .with_key_value("surrealkv_max_memtable_size", MEMTABLE_BYTES.to_string());
    let built = Datastore::builder().with_config(config).without_maintenance_tasks();
    built.build_with_path(&url.to_string()).await.map_err(|error| reason_of(&error.to_string()))
}

/// The engine's reason for not opening a folder, with a hint.
fn reason_of(text: &str) -> String {
    let lower = text.to_lowercase();
    let hint = if lower.contains("lock") {
        "; another process has it open: stop that one, or talk to it over HTTP"
    } else if lower.contains("permission denied") {
        NOT_PERMITTED
    } else if watch::is_disk_full(text) {
        DISK_FULL
    } else {
        ""
    };
    format!("{text}{hint}")
}

/// [`reason_of`] for a folder whose log cannot be read.
fn reason_not_to_open(error: &RecoveryError) -> String {
    let kind = if let RecoveryError::Io { error, .. } = error { Some(error.kind()) } else { None };
    let hint = match kind {
        Some(io::ErrorKind::PermissionDenied) => NOT_PERMITTED,
        Some(io::ErrorKind::StorageFull) => DISK_FULL,
        _ => "",
    };
    format!("{error}{hint}")
}

const NOT_PERMITTED: &str =
    "; the user that runs this program may not read and write that folder: change its owner, or name another folder";
const DISK_FULL: &str = "; the disk is full: free some of it, then start again";

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
    Ok(if *url == DatabaseUrl::Memory { Handle::Memory(db) } else { Handle::Any(db) })
}
