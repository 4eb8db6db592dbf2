//! The embedded storage engines: their names in addresses, their settings, and the folders of their databases.

use std::{ffi::OsStr, fs, path::Path};

use surrealdb_cnf::ConfigMap;

/// The file that names RocksDB's manifest.
const ROCKSDB_CURRENT: &str = "CURRENT";

/// The engine of a database in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StorageEngine {
    SurrealKv,
    /// With the cargo feature `rocksdb` only; without it no address parses to it.
    RocksDb,
}

impl StorageEngine {
    const ALL: [Self; 2] = [Self::SurrealKv, Self::RocksDb];
    /// RocksDB divides what a memtable of SurrealKV needs, so that one part is flushed while the next one is written.
    const WRITE_BUFFERS_PER_MEMTABLE: usize = 2;
    const WRITE_BUFFERS: usize = 4;

    /// The scheme of its addresses.
    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::SurrealKv => "surrealkv",
            Self::RocksDb => "rocksdb",
        }
    }

    pub(super) const fn is_built_in(self) -> bool {
        match self {
            Self::SurrealKv => true,
            Self::RocksDb => cfg!(feature = "rocksdb"),
        }
    }

    /// The bytes of memory that a transaction may need: with SurrealKV it must fit into a memtable.
    pub(super) const fn largest_transaction(self, memtable: usize) -> usize {
        const HEAD: usize = 4_096;
        match self {
            Self::SurrealKv => memtable.saturating_sub(HEAD),
            Self::RocksDb => usize::MAX,
        }
    }

    /// Settings that bound its memory, in bytes: both engines use half of the machine's by default.
    pub(super) fn config(self, block_cache: usize, memtable: usize) -> ConfigMap {
        let settings = match self {
            Self::SurrealKv => {
                vec![("surrealkv_block_cache_capacity", block_cache), ("surrealkv_max_memtable_size", memtable)]
            }
            Self::RocksDb => vec![
                ("rocksdb_block_cache_size", block_cache),
                ("rocksdb_write_buffer_size", memtable / Self::WRITE_BUFFERS_PER_MEMTABLE),
                ("rocksdb_max_write_buffer_number", Self::WRITE_BUFFERS),
                ("rocksdb_min_write_buffer_number_to_merge", 1),
            ],
        };
        settings
            .into_iter()
            .fold(ConfigMap::empty(), |config, (name, value)| config.with_key_value(name, value.to_string()))
    }

    /// Whether a folder holds a database of this engine.
    pub(super) fn holds_database(self, folder: &Path) -> bool {
        match self {
            Self::SurrealKv => folder.join("manifest").is_dir(),
            Self::RocksDb => folder.join(ROCKSDB_CURRENT).is_file() || holds_rocksdb_files(folder),
        }
    }

    /// Why this engine must not open a folder, if it must not: it would create a new database next to what is there.
    pub(super) fn reason_not_to_open(self, folder: &Path) -> Option<String> {
        let other = Self::ALL.into_iter().find(|other| *other != self && other.holds_database(folder));
        if let Some(other) = other {
            let scheme = other.scheme();
            return Some(format!(
                "the folder holds a database of another engine; open it as {scheme}://{}",
                folder.display()
            ));
        }
        // SurrealKV's folders are examined by its recovery.
        let current = folder.join(ROCKSDB_CURRENT);
        let is_damaged = self == Self::RocksDb && self.holds_database(folder) && !current.is_file();
        is_damaged.then(|| {
            format!(
                "{} is missing, and without it the engine would delete all data as unused; restore the database from a copy",
                current.display()
            )
        })
    }
}

fn holds_rocksdb_files(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let is_table = Path::new(&name).extension().is_some_and(|extension| extension == OsStr::new("sst"));
        is_table || name.to_string_lossy().starts_with("MANIFEST-")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_opened_by_its_own_engine_only() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |engine: StorageEngine| engine.reason_not_to_open(folder.path());
        assert_eq!(StorageEngine::ALL.map(refused), [None, None], "an empty folder");

        fs::write(folder.path().join("000012.sst"), "").unwrap();
        assert!(refused(StorageEngine::RocksDb).unwrap().contains("CURRENT is missing"));
        fs::write(folder.path().join("CURRENT"), "MANIFEST-000004").unwrap();
        assert_eq!(refused(StorageEngine::RocksDb), None);
        assert!(refused(StorageEngine::SurrealKv).unwrap().contains("open it as rocksdb://"));

        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("manifest")).unwrap();
        assert_eq!(StorageEngine::SurrealKv.reason_not_to_open(folder.path()), None);
        let reason = StorageEngine::RocksDb.reason_not_to_open(folder.path());
        assert!(reason.unwrap().contains("open it as surrealkv://"));
    }

    /// The engines ignore names that they do not know.
    #[test]
    fn the_memory_of_every_engine_is_bounded() {
        const MIB: usize = 1024 * 1024;
        for engine in StorageEngine::ALL {
            let config = format!("{:?}", engine.config(256 * MIB, 128 * MIB));
            assert!(config.contains(&format!("{}_block_cache", engine.scheme())), "{config}");
            assert!(config.contains("268435456"), "{config}");
        }
    }
}
