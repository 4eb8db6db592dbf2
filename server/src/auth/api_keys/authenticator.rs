//! Who stands behind a key, by the file as it is now.
//!
//! Each time the file is looked at (one call of the system, about a microsecond) and read again only if it is another: a key that
//! was revoked a moment ago opens nothing, and nobody polls.

use std::{
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Keys, KeysError, read};
use crate::auth::access::Caller;

/// Lets in who has a key.
#[derive(Debug)]
pub struct Authenticator {
    path: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    stamp: Option<Stamp>,
    /// None where the file cannot be read any more: then nobody is let in, as nobody can tell who was revoked.
    keys: Option<Arc<Keys>>,
}

/// What of a file is another when it was replaced or written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Why someone is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error("a key is needed; send it as Authorization: Bearer KEY")]
    NoKey,
    #[error("this key is not known, or it was revoked; ask the operator for another")]
    UnknownKey,
    #[error("the server cannot read its keys now; the operator finds the reason in its log")]
    NoKeysFile,
}

impl Authenticator {
    /// Reads the keys for the first time.
    pub fn open(path: PathBuf) -> Result<Self, KeysError> {
        let stamp = stamp(&path);
        let keys = Arc::new(read(&path)?);
        if !keys.iter().any(|it| it.revoked_at.is_none()) {
            tracing::warn!("no key is in use: nobody is let in until one is made with `profile360 key create`");
        }
        Ok(Self { path, known: Mutex::new(Known { stamp, keys: Some(keys) }) })
    }

    /// Who shows a key.
    pub fn caller(&self, key: Option<&str>) -> Result<Caller, AuthError> {
        let keys = self.keys().ok_or(AuthError::NoKeysFile)?;
        keys.find(key.ok_or(AuthError::NoKey)?).map(Caller::of_key).ok_or(AuthError::UnknownKey)
    }

    /// Whether someone who was let in before still is who it was.
    pub fn is_still_valid(&self, caller: &Caller) -> bool {
        let Some(keys) = self.keys() else { return false };
        let key = caller.key.as_deref().and_then(|it| keys.in_use(it));
        key.is_some_and(|it| it.role == caller.role && it.name == caller.name && it.scope == *caller.scope)
    }

    fn keys(&self) -> Option<Arc<Keys>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Before it is read: what is written meanwhile is seen the next time.
        let stamp = stamp(&self.path);
        if known.stamp != stamp {
            known.stamp = stamp;
            known.keys = match read(&self.path) {
                Ok(keys) => {
                    tracing::info!("the keys file was changed and read again");
                    Some(Arc::new(keys))
                }
                Err(error) => {
                    tracing::error!(%error, "nobody is let in until the keys can be read again");
                    None
                }
            };
        }
        known.keys.clone()
    }
}

/// None where there is no file.
fn stamp(path: &std::path::Path) -> Option<Stamp> {
    let about = std::fs::metadata(path).ok()?;
    Some(Stamp {
        device: about.dev(),
        inode: about.ino(),
        size: about.size(),
        mode: about.mode(),
        modified: (about.mtime(), about.mtime_nsec()),
        changed: (about.ctime(), about.ctime_nsec()),
    })
}
