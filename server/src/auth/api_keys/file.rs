//! The keys file: versioned JSON, changed by one process at a time, and replaced as a whole.
//!
//! Keys are in a file and not in a table so that they can be created before the database, be kept with other secrets, be mounted
//! into several servers of one database, and are not copied along with the customers' data.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Key, Keys};

/// The newest version of the format. A file without scopes is written in the first version, so that earlier releases read it.
const VERSION: u32 = 2;
const WITHOUT_SCOPES: u32 = 1;
/// Far more than any keys file has.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<K> {
    version: u32,
    keys: K,
}

/// Why the keys file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error(
        "there is no keys file {0}; create it with the first key: profile360 key create --role ADMIN --keys {0}",
        .path.display()
    )]
    Missing { path: PathBuf },
    #[error("the keys file {} cannot be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "the keys file {} is not one that `profile360 key` wrote ({reason}); restore a copy of it, or move it away and create \
         new keys",
        .path.display()
    )]
    Malformed { path: PathBuf, reason: String },
    #[error("the keys file {} has version {found}, newer than the {VERSION} that this program knows; run a newer profile360", .path.display())]
    Newer { path: PathBuf, found: u64 },
    #[error(
        "users other than its owner can write to the keys file {0}, and so create keys; run: chmod 600 {0}",
        .path.display()
    )]
    WritableByOthers { path: PathBuf },
    #[error(
        "users other than its owner can replace files in {}, including the keys file, and so create keys; run: chmod go-w {}",
        .folder.display(),
        .folder.display()
    )]
    FolderWritableByOthers { folder: PathBuf },
    #[error("the keys file {} cannot be written: {source}", .path.display())]
    Unwritable { path: PathBuf, source: io::Error },
}

/// Reads all keys.
pub fn read(path: &Path) -> Result<Keys, KeysError> {
    let unreadable = |source: io::Error| match source.kind() {
        ErrorKind::NotFound => KeysError::Missing { path: path.to_owned() },
        _ => KeysError::Unreadable { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.permissions().mode() & 0o022 != 0 {
        return Err(KeysError::WritableByOthers { path: path.to_owned() });
    }
    // Of a symbolic link, both the folder of the link and the folder of its target must be safe.
    for name in [path.to_owned(), fs::canonicalize(path).map_err(unreadable)?] {
        let folder = folder_of(&name);
        let mode = fs::metadata(folder).map_err(unreadable)?.permissions().mode();
        if mode & 0o022 != 0 && mode & STICKY == 0 {
            return Err(KeysError::FolderWritableByOthers { folder: folder.to_owned() });
        }
    }
    let malformed = |reason: String| KeysError::Malformed { path: path.to_owned(), reason };
    if MAX_BYTES < metadata.len() {
        return Err(malformed("it is larger than any keys file".to_owned()));
    }
    parse(&io::read_to_string(file).map_err(unreadable)?).map_err(|fault| match fault {
        Fault::Malformed(reason) => malformed(reason),
        Fault::Newer(found) => KeysError::Newer { path: path.to_owned(), found },
    })
}

/// In a folder with this bit, as in `/tmp`, only the owner of a file can replace it.
const STICKY: u32 = 0o1000;

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Changes the keys under a lock; creates the file if there is none. Writes nothing if `change` fails.
pub fn change<T, E>(path: &Path, change: impl FnOnce(&mut Keys) -> Result<T, E>) -> Result<Result<T, E>, KeysError> {
    // Of a symbolic link, replace the target and not the link.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let unwritable = |source| KeysError::Unwritable { path: path.clone(), source };
    let _locked = lock(path).map_err(unwritable)?;
    let mut keys = match read(path) {
        Err(KeysError::Missing { .. }) => Keys::default(),
        read => read?,
    };
    let changed = match change(&mut keys) {
        Ok(changed) => changed,
        Err(refused) => return Ok(Err(refused)),
    };
    write(path, &keys).map_err(unwritable)?;
    Ok(Ok(changed))
}

/// Locks the keys until the file is dropped. The lock is a separate file, as the keys file itself is replaced.
fn lock(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(name)?;
    file.lock()?;
    Ok(file)
}

/// Replaces the file atomically: readers see the old or the new content, also after a power failure.
fn write(path: &Path, keys: &Keys) -> io::Result<()> {
    let folder = folder_of(path);
    // Readable by its owner only.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let version = if keys.iter().all(|key| key.scope.is_default()) { WITHOUT_SCOPES } else { VERSION };
    serde_json::to_writer_pretty(&mut file, &Document { version, keys: &keys.0 })?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

enum Fault {
    Malformed(String),
    Newer(u64),
}

fn parse(text: &str) -> Result<Keys, Fault> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    // The error says where the fault is, and repeats nothing of the file.
    let malformed = |error: serde_json::Error| {
        Fault::Malformed(format!("line {} column {} does not have the expected form", error.line(), error.column()))
    };
    let Versioned { version } = serde_json::from_str(text).map_err(malformed)?;
    if u64::from(VERSION) < version {
        return Err(Fault::Newer(version));
    }
    let Document { keys, .. } = serde_json::from_str::<Document<Vec<Key>>>(text).map_err(malformed)?;
    for (n, key) in keys.iter().enumerate() {
        if keys[..n].iter().any(|it| it.id == key.id) {
            return Err(Fault::Malformed(format!("the ID {} occurs twice", key.id)));
        }
    }
    Ok(Keys(keys))
}
