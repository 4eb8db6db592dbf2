//! Addresses of databases, as in `--db`.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use surrealdb_cnf::parse_duration;

use super::{Result, StoreError, engine::StorageEngine};

/// The engine accepts longer sync intervals only, in milliseconds (surrealdb-kvs, `SyncMode`).
const SHORTEST_SYNC_INTERVAL: u128 = 100;

/// The address of a database. `Display` omits credentials, because errors show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DatabaseUrl {
    Embedded(Embedded),
    Memory,
    Remote(Remote),
}

/// A database in a folder of this machine, `surrealkv://PATH?sync=…` or `rocksdb://PATH?sync=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Embedded {
    pub engine: StorageEngine,
    pub path: PathBuf,
    /// When commits are synced to the disk: `every`, `never`, or a time as `1s`.
    pub sync: String,
}

/// A SurrealDB server, `ws://HOST` or `wss://HOST`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Remote {
    pub scheme: &'static str,
    pub host: String,
    /// Name and password of a root user.
    pub credentials: Option<(String, String)>,
}

impl DatabaseUrl {
    pub(super) fn parse(url: &str) -> Result<Self> {
        let refuse = |shown: &str, reason: String| Err(StoreError::Url { url: shown.to_owned(), reason });
        let Some((scheme, rest)) = url.split_once("://") else {
            // It may contain a password: show only what follows that.
            let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
            return refuse(shown, not_a_url(url));
        };
        match scheme {
            "surrealkv" => Embedded::parse(url, rest, StorageEngine::SurrealKv).map(Self::Embedded),
            "rocksdb" if StorageEngine::RocksDb.is_built_in() => {
                Embedded::parse(url, rest, StorageEngine::RocksDb).map(Self::Embedded)
            }
            "rocksdb" => refuse(
                url,
                "this program was built without RocksDB; use surrealkv://PATH, or build it with `make release FEATURES=rocksdb`"
                    .to_owned(),
            ),
            "mem" if rest.is_empty() => Ok(Self::Memory),
            "mem" => refuse(url, "nothing may follow mem://, which is in memory only".to_owned()),
            "ws" | "wss" => {
                let scheme = if scheme == "ws" { "ws" } else { "wss" };
                let (credentials, host) = match rest.rsplit_once('@') {
                    Some((credentials, host)) => {
                        let (name, password) = credentials.split_once(':').unwrap_or((credentials, ""));
                        (Some((name.to_owned(), password.to_owned())), host)
                    }
                    None => (None, rest),
                };
                if host.is_empty() {
                    return refuse(&format!("{scheme}://"), format!("name a server, as {scheme}://127.0.0.1:8000"));
                }
                Ok(Self::Remote(Remote { scheme, host: host.to_owned(), credentials }))
            }
            _ => {
                let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                refuse(&format!("{scheme}://{host}"), format!("{scheme} is no engine here; {FORMS}"))
            }
        }
    }
}

const FORMS: &str = "use surrealkv://PATH, mem://, ws://HOST or wss://HOST";

/// Suggests what a text that is no URL was meant to be.
fn not_a_url(text: &str) -> String {
    let path = match text.split_once(':') {
        Some(("surrealkv", path)) => Some(path),
        Some(_) => None,
        None => Some(text),
    };
    // `surrealkv:/./data` has a slash too few, not a path at the root.
    let path = path.map(|path| path.strip_prefix('/').filter(|rest| rest.starts_with('.')).unwrap_or(path));
    match path {
        Some(path) if !path.is_empty() && !path.contains('@') => format!("did you mean surrealkv://{path}?"),
        _ => FORMS.to_owned(),
    }
}

impl Embedded {
    fn parse(url: &str, rest: &str, engine: StorageEngine) -> Result<Self> {
        let refuse = |reason: String| Err(StoreError::Url { url: url.to_owned(), reason });
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if path.is_empty() {
            return refuse(format!("name a folder, as {}://./data/profiles", engine.scheme()));
        }
        let mut sync = None;
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sync", value)) if sync.is_none() && is_sync(value) => sync = Some(value.to_owned()),
                Some(("sync", _)) => {
                    return refuse(
                        "sync is every, never, or a time longer than 100ms, as 1s; it is given once".to_owned(),
                    );
                }
                _ => {
                    return refuse(format!(
                        "the option {option} is not known; there is only sync=every, sync=never or a time as sync=1s"
                    ));
                }
            }
        }
        Ok(Self { engine, path: PathBuf::from(path), sync: sync.unwrap_or_else(|| "every".to_owned()) })
    }

    /// Whether its folder holds a database of the engine.
    pub(super) fn holds_database(&self) -> bool {
        self.engine.holds_database(&self.path)
    }

    /// Creates the parent folder.
    pub(super) fn make_folder(&self) -> Result<()> {
        let Some(parent) = self.path.parent() else { return Ok(()) };
        std::fs::create_dir_all(parent).map_err(|error| StoreError::Url {
            url: self.to_string(),
            reason: format!("the folder {} cannot be created: {error}", folder_name(parent)),
        })
    }
}

fn folder_name(path: &Path) -> String {
    path.display().to_string()
}

fn is_sync(value: &str) -> bool {
    matches!(value, "every" | "never")
        || parse_duration(value).is_ok_and(|interval| SHORTEST_SYNC_INTERVAL < interval.as_millis())
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(embedded) => embedded.fmt(f),
            Self::Memory => f.write_str("mem://"),
            Self::Remote(Remote { scheme, host, .. }) => write!(f, "{scheme}://{host}"),
        }
    }
}

impl fmt::Display for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}?sync={}", self.engine.scheme(), self.path.display(), self.sync)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)
    }
}

#[cfg(test)]
mod tests;
