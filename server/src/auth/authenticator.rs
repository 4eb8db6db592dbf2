//! Authenticates callers, by the keys file as it is now.
//!
//! Each request checks the file's metadata (one system call, about a microsecond) and reads the file only if it has changed: a
//! revocation is effective at once, without polling.

use std::{
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crate::auth::{
    access::{Caller, RESERVED_NAMES, Role},
    api_keys::{Key, Keys, KeysError, read},
};

/// How a server identifies its callers.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// By the keys of its keys file.
    Keys(Arc<Authenticator>),
    /// It has no keys.
    Keyless(Keyless),
}

/// Proof that a server has no keys. Only this creates a caller without a key.
#[derive(Debug, Clone)]
pub struct Keyless(());

impl Keyless {
    /// A server without keys listens on loopback only, so its callers are operators of this machine.
    pub fn caller(&self) -> Caller {
        Caller::new(None, RESERVED_NAMES[0].into(), Role::Admin, Arc::default())
    }
}

impl Authentication {
    /// With the keys of a file, or without keys.
    ///
    /// # Errors
    ///
    /// If the file cannot be read: it fails closed, rather than admit every caller.
    pub fn open(keys: Option<PathBuf>) -> Result<Self, KeysError> {
        Ok(match keys {
            Some(path) => Self::Keys(Arc::new(Authenticator::open(path)?)),
            None => Self::Keyless(Keyless(())),
        })
    }

    /// The caller of a request, by the key that it sends.
    ///
    /// # Errors
    ///
    /// If the server has keys and this is none of them.
    pub fn caller(&self, key: Option<&str>) -> Result<Caller, AuthError> {
        match self {
            Self::Keys(authenticator) => authenticator.caller(key),
            Self::Keyless(keyless) => Ok(keyless.caller()),
        }
    }

    /// Whether a caller that was authenticated before still would be.
    pub fn is_still_valid(&self, caller: &Caller) -> bool {
        match self {
            Self::Keys(authenticator) => authenticator.is_still_valid(caller),
            Self::Keyless(_) => true,
        }
    }

    /// Whether callers need a key.
    pub const fn requires_keys(&self) -> bool {
        matches!(self, Self::Keys(_))
    }
}

/// Authenticates callers by their keys.
#[derive(Debug)]
pub struct Authenticator {
    path: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    stamp: Option<Stamp>,
    /// `None` if the file cannot be read. Then no caller is authenticated, as any key may have been revoked.
    keys: Option<Arc<Keys>>,
}

/// Metadata that changes when a file is written to or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Why a caller is not authenticated.
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
    /// Reads the keys file.
    pub fn open(path: PathBuf) -> Result<Self, KeysError> {
        let stamp = stamp(&path);
        let keys = Arc::new(read(&path)?);
        if !keys.iter().any(|it| it.revoked_at.is_none()) {
            tracing::warn!(
                "no key is in use: every request is refused until you create one with `profile360 key create`"
            );
        }
        Ok(Self { path, known: Mutex::new(Known { stamp, keys: Some(keys) }) })
    }

    /// The holder of a key.
    pub fn caller(&self, key: Option<&str>) -> Result<Caller, AuthError> {
        let keys = self.keys().ok_or(AuthError::NoKeysFile)?;
        keys.find(key.ok_or(AuthError::NoKey)?).map(holder_of).ok_or(AuthError::UnknownKey)
    }

    /// Whether the key of a caller is still in use, with the same role, name and scope.
    pub fn is_still_valid(&self, caller: &Caller) -> bool {
        let Some(keys) = self.keys() else { return false };
        let key = caller.key.as_deref().and_then(|it| keys.in_use(it));
        key.is_some_and(|it| it.role == caller.role && it.name == caller.name && it.scope == *caller.scope)
    }

    fn keys(&self) -> Option<Arc<Keys>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the file is read: a concurrent write changes the stamp, so that the next request reads it again.
        let stamp = stamp(&self.path);
        if known.stamp != stamp {
            known.stamp = stamp;
            known.keys = match read(&self.path) {
                Ok(keys) => {
                    tracing::info!("the keys file has changed and was read again");
                    Some(Arc::new(keys))
                }
                Err(error) => {
                    tracing::error!(%error, "every request is refused until the keys file can be read again");
                    None
                }
            };
        }
        known.keys.clone()
    }
}

/// The caller that sends this key.
pub(crate) fn holder_of(key: &Key) -> Caller {
    Caller::new(Some(key.id.clone()), key.name.clone(), key.role, Arc::new(key.scope.clone()))
}

/// `None` if there is no file.
fn stamp(path: &std::path::Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        mode: metadata.mode(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}
