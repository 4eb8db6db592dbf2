//! Opening a database by its URL.

use std::{io, sync::Arc, time::Instant};

use surrealdb::{Surreal, engine::local::Db};
use surrealdb_core::kvs::Datastore;

use super::{
    Result, Store, StoreError,
    conflict_map::ConflictMap,
    engine::StorageEngine,
    exit,
    handle::{DATABASE, Engine, Handle, NAMESPACE},
    migrate, projection,
    recovery::{self, LogKeeper, MEMTABLE_BYTES, Recovered, RecoveryError},
    upgrade,
    url::{DatabaseUrl, Embedded, Remote},
};

/// The memory of an embedded engine, in bytes.
///
/// By default the engines use half of the machine's memory as block cache, and the URL has no setting for that. So an embedded
/// database is built from its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineMemory {
    /// For blocks of tables that were read.
    pub block_cache: usize,
    /// For writes until they are flushed; at most [`Self::LARGEST_MEMTABLE`]. There are up to three at once, and a transaction
    /// must fit into one.
    pub memtable: usize,
}

impl EngineMemory {
    /// A batch of messages fits many times. Decisions in components of some 100,000 identifiers need the largest.
    pub const SMALLEST_MEMTABLE: usize = 64 * 1024 * 1024;
    /// The recovery of a log can take no larger transaction.
    pub const LARGEST_MEMTABLE: usize = MEMTABLE_BYTES;

    /// While a log is recovered, nothing is read twice.
    const fn of_recovery(recovered: &Recovered) -> Self {
        let memtable = if MEMTABLE_BYTES < recovered.largest { recovered.largest } else { MEMTABLE_BYTES };
        Self { block_cache: 16 * 1024 * 1024, memtable }
    }
}

impl Default for EngineMemory {
    fn default() -> Self {
        Self { block_cache: 256 * 1024 * 1024, memtable: MEMTABLE_BYTES }
    }
}

/// Opens a database with the default memory; see [`connect_with`].
pub async fn connect(url: &str) -> Result<Store> {
    connect_with(url, EngineMemory::default()).await
}

/// Opens `surrealkv://PATH`, `rocksdb://PATH` where that is built in, `mem://`, `ws://…` or `wss://…` and applies migrations. Creates the database if there is none.
///
/// An embedded database syncs to disk before a write is acknowledged, unless the URL sets `?sync=`. The URL of a server may
/// contain `user:password@` of a root user.
pub async fn connect_with(url: &str, memory: EngineMemory) -> Result<Store> {
    let handle = open(DatabaseUrl::parse(url)?, memory).await?;
    migrate::run(&handle).await?;
    let handle = Arc::new(handle);
    upgrade::run(&handle).await?;
    projection::open_active(handle).await
}

/// Opens a database as [`connect_with`] does but never creates one: for commands that only read.
pub async fn connect_existing(url: &str, memory: EngineMemory) -> Result<Store> {
    let url = DatabaseUrl::parse(url)?;
    let missing = || StoreError::NoBase { url: url.to_string() };
    if let DatabaseUrl::Embedded(embedded) = &url
        && !embedded.holds_database()
    {
        return Err(missing());
    }
    let handle = open(url.clone(), memory).await?;
    if migrate::version(&handle).await? == 0 && !upgrade::has_editions(&handle).await? {
        handle.close().await;
        return Err(missing());
    }
    migrate::run(&handle).await?;
    let handle = Arc::new(handle);
    upgrade::run(&handle).await?;
    projection::open_active(handle).await
}

/// Whether a URL names a folder whose database this process opens itself. An unusable URL names none.
pub fn is_embedded(url: &str) -> bool {
    matches!(DatabaseUrl::parse(url), Ok(DatabaseUrl::Embedded(_)))
}

/// An empty database in memory.
#[cfg(test)]
pub(super) async fn open_memory() -> Result<Handle> {
    open(DatabaseUrl::Memory, EngineMemory::default()).await
}

async fn open(url: DatabaseUrl, memory: EngineMemory) -> Result<Handle> {
    match url {
        DatabaseUrl::Embedded(embedded) => open_embedded(&embedded, memory).await,
        DatabaseUrl::Memory | DatabaseUrl::Remote(_) => open_any(&url).await,
    }
}

async fn open_embedded(url: &Embedded, memory: EngineMemory) -> Result<Handle> {
    let bad = |reason: String| StoreError::Url { url: url.to_string(), reason };
    let unsafe_to_open = |error: RecoveryError| bad(reason_not_to_open(&error));
    url.make_folder()?;
    if let Some(reason) = url.engine.reason_not_to_open(&url.path) {
        return Err(bad(reason));
    }
    // RocksDB recovers its log without loss, and keeps it until everything is flushed.
    let has_log_to_keep = url.engine == StorageEngine::SurrealKv;
    if has_log_to_keep {
        recover(url).await?;
    }

    let memory = EngineMemory { memtable: memory.memtable.min(EngineMemory::LARGEST_MEMTABLE), ..memory };
    let datastore = build(url, memory).await.map_err(bad)?;
    let log = has_log_to_keep.then(|| LogKeeper::start(&url.path)).transpose().map_err(unsafe_to_open)?;
    datastore.check_version().await.map_err(|error| bad(error.to_string()))?;
    datastore.bootstrap().await.map_err(|error| bad(error.to_string()))?;
    if let Some(log) = &log {
        log.expect_written().map_err(unsafe_to_open)?;
    }
    datastore.start_maintenance_tasks();
    let db = Surreal::<Db>::unstable_from_datastore(datastore.clone(), None).await?;
    db.use_ns(NAMESPACE).use_db(DATABASE).await?;
    Ok(Handle::embedded(
        db,
        Arc::new(Engine {
            storage: url.engine,
            largest_transaction: url.engine.largest_transaction(memory.memtable),
            datastore,
            conflict_map: ConflictMap::default(),
            log,
        }),
        DATABASE,
    ))
}

/// Recovers a database of SurrealKV that was not closed, so that the engine opens an empty log.
async fn recover(url: &Embedded) -> Result<()> {
    let bad = |reason: String| StoreError::Url { url: url.to_string(), reason };
    let unsafe_to_open = |error: RecoveryError| bad(reason_not_to_open(&error));
    let started = Instant::now();
    let folder = url.path.clone();
    let prepared = tokio::task::spawn_blocking(move || recovery::prepare(&folder)).await;
    let prepared = prepared.map_err(|error| bad(error.to_string()))?.map_err(unsafe_to_open)?;
    if let Some(recovered) = prepared {
        let datastore = build(url, EngineMemory::of_recovery(&recovered)).await.map_err(bad)?;
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
    Ok(())
}

/// Opens the engine without its tasks: a task that writes before the version does makes a new store look like an old one.
async fn build(url: &Embedded, memory: EngineMemory) -> std::result::Result<Arc<Datastore>, String> {
    let EngineMemory { block_cache, memtable } = memory;
    let config = url.engine.config(block_cache, memtable);
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
    } else if exit::is_disk_full(text) {
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
    Ok(if *url == DatabaseUrl::Memory { Handle::memory(db) } else { Handle::remote(db) })
}
