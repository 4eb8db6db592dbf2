//! Opening a database by its URL.

use std::{path::Path, sync::Arc};

use surrealdb::{
    IndexedResults, Surreal,
    engine::{any::Any, local::Db},
    method::Transaction,
    types::{Value, Variables},
};
use surrealdb_cnf::ConfigMap;
use surrealdb_core::kvs::Datastore;

use super::{Result, Store, StoreError, edition, migrate, tx};

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

/// Opens `surrealkv://PATH`, `mem://`, `ws://…` or `wss://…` and brings its schema up to date.
///
/// An embedded database is synced to the disk before a write is acknowledged, unless the URL says `?sync=` otherwise. A
/// server's URL may carry `user:password@` of a root user.
pub async fn connect(url: &str) -> Result<Store> {
    let handle = match url.strip_prefix("surrealkv://") {
        Some(rest) => open_embedded(url, rest).await?,
        None => open_any(url).await?,
    };
    migrate::run(&handle).await?;
    edition::open_in_force(handle).await
}

/// Whether there is something to open: false only for an embedded database whose folder is not there.
pub fn exists(url: &str) -> bool {
    let path = url.strip_prefix("surrealkv://").map(|rest| rest.split('?').next().unwrap_or_default());
    path.is_none_or(|path| Path::new(path).exists())
}

async fn open_embedded(url: &str, rest: &str) -> Result<Handle> {
    let bad = |reason: String| StoreError::Url { url: url.to_owned(), reason };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() {
        return Err(bad("name a folder, as surrealkv://./data/profiles".to_owned()));
    }
    let is_known = |it: &&str| it.is_empty() || it.starts_with("sync=");
    if let Some(option) = query.split('&').find(|it| !is_known(it)) {
        return Err(bad(format!(
            "the option {option} is not known; there is only sync=every, sync=never or a time as sync=1s"
        )));
    }
    if let Some(parent) = Path::new(path).parent() {
        std::fs::create_dir_all(parent).map_err(|error| bad(format!("its folder cannot be made: {error}")))?;
    }
    let sync = query.split('&').find(|it| it.starts_with("sync=")).unwrap_or("sync=every");
    let config = ConfigMap::empty()
        .with_key_value("surrealkv_block_cache_capacity", BLOCK_CACHE_BYTES.to_string())
        .with_key_value("surrealkv_max_memtable_size", MEMTABLE_BYTES.to_string());
    let opened = Datastore::builder()
        .with_config(config)
        // Started by hand below: a task that writes before the version is written makes a new store look like an old one.
        .without_maintenance_tasks()
        .build_with_path(&format!("surrealkv://{path}?{sync}"))
        .await;
    let datastore: Arc<Datastore> = opened.map_err(|error| {
        let text = error.to_string();
        let hint = if text.to_lowercase().contains("lock") {
            "; another process has it open: stop that one, or talk to it over HTTP"
        } else {
            ""
        };
        bad(format!("{text}{hint}"))
    })?;
    datastore.check_version().await.map_err(|error| bad(error.to_string()))?;
    datastore.bootstrap().await.map_err(|error| bad(error.to_string()))?;
    datastore.start_maintenance_tasks();
    let db = Surreal::<Db>::unstable_from_datastore(datastore.clone(), None).await?;
    db.use_ns(NAMESPACE).use_db(DATABASE).await?;
    Ok(Handle::Embedded(db, datastore))
}

async fn open_any(url: &str) -> Result<Handle> {
    // The password must not come back in an error.
    let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
    let (credentials, host) =
        rest.rsplit_once('@').map_or((None, rest), |(credentials, host)| (Some(credentials), host));
    let plain = format!("{scheme}://{host}");
    let bad = |reason: String| StoreError::Url { url: plain.clone(), reason };
    if !matches!(scheme, "mem" | "ws" | "wss") {
        return Err(bad("use surrealkv://PATH, mem://, ws://HOST or wss://HOST".to_owned()));
    }
    let db = surrealdb::engine::any::connect(plain.as_str()).await.map_err(|error| bad(error.to_string()))?;
    if let Some(credentials) = credentials {
        let (username, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let root = surrealdb::opt::auth::Root { username: username.to_owned(), password: password.to_owned() };
        db.signin(root).await.map_err(|error| bad(error.to_string()))?;
    }
    db.use_ns(NAMESPACE).use_db(DATABASE).await?;
    Ok(Handle::Any(db))
}
