//! API keys: their format, and the keys file.
//!
//! A key is `p360_<ID>_<secret>`. The ID names it in lists and logs; the secret has 256 random bits and is shown once. The file
//! keeps a BLAKE3 hash of it. A slow hash protects passwords, which can be guessed; nothing guesses one of 2²⁵⁶ equally likely
//! secrets, so a slow hash would only slow down every request.

mod file;

use std::sync::Arc;

use profile360_core::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::file::{KeysError, change, read};
use crate::auth::{
    access::{RESERVED_NAMES, Role},
    scope::Scope,
};

/// The prefix of every key; scanners for leaked secrets can look for it.
pub const PREFIX: &str = "p360_";
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;
const MAX_NAME_BYTES: usize = 64;

/// A key as the file keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub id: Arc<str>,
    /// The name of its holder in decisions and in the audit log.
    pub name: Arc<str>,
    pub role: Role,
    hash: SecretHash,
    #[serde(default, skip_serializing_if = "Scope::is_default")]
    pub scope: Scope,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// All keys, revoked ones too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

/// Why a key's name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    #[error(
        "a name has 1 to {MAX_NAME_BYTES} bytes: letters of English, Korean, Chinese or Japanese, digits, single spaces and - _ . @ + \
         so that no two names look the same"
    )]
    Form,
    #[error("the names {} and {} are reserved; choose another", RESERVED_NAMES[0], RESERVED_NAMES[1])]
    Reserved,
    #[error(
        "another key in use has this name; the audit log names holders by it, so choose another name, or revoke that key"
    )]
    InUse,
}

/// The outcome of a revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    Now(Key),
    Before(Key),
    NotFound,
}

/// The random bytes of a new key.
#[derive(Debug)]
pub struct Random {
    pub id: [u8; ID_BYTES],
    pub secret: [u8; SECRET_BYTES],
}

impl Keys {
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// Creates a key. Returns it with its text, which is shown once and stored nowhere.
    pub fn create(
        &mut self,
        role: Role,
        name: Option<&str>,
        scope: Scope,
        random: &Random,
        now: Timestamp,
    ) -> Result<(Key, String), NameFault> {
        let id: Arc<str> = hex(&random.id).into();
        let name = match name {
            Some(name) => self.check_name(name)?.into(),
            None => format!("{}-{id}", role.as_str().to_lowercase()).into(),
        };
        let secret = hex(&random.secret);
        let text = format!("{PREFIX}{id}_{secret}");
        let key = Key { id, name, role, hash: SecretHash::of(&secret), scope, created_at: now, revoked_at: None };
        self.0.push(key.clone());
        Ok((key, text))
    }

    /// Revokes a key for good. It stays in the file, so that its name still identifies past actions.
    pub fn revoke(&mut self, id: &str, now: Timestamp) -> Revoked {
        // Accepts the whole key, too.
        let id = id.trim().trim_start_matches(PREFIX).split('_').next().unwrap_or_default();
        let Some(key) = self.0.iter_mut().find(|it| &*it.id == id) else { return Revoked::NotFound };
        if key.revoked_at.is_some() {
            return Revoked::Before(key.clone());
        }
        key.revoked_at = Some(now);
        Revoked::Now(key.clone())
    }

    /// The key in use with this text.
    pub fn find(&self, text: &str) -> Option<&Key> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let key = self.in_use(id)?;
        (key.hash == SecretHash::of(secret)).then_some(key)
    }

    /// The key in use with this ID. The ID is not secret.
    pub fn in_use(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|it| &*it.id == id && it.revoked_at.is_none())
    }

    fn check_name<'n>(&self, name: &'n str) -> Result<&'n str, NameFault> {
        let name = name.trim();
        let is_plain = name.chars().all(is_plain) && !name.contains("  ");
        if name.is_empty() || MAX_NAME_BYTES < name.len() || !is_plain {
            return Err(NameFault::Form);
        }
        if RESERVED_NAMES.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
            return Err(NameFault::Reserved);
        }
        if self.0.iter().any(|it| it.revoked_at.is_none() && it.name.eq_ignore_ascii_case(name)) {
            return Err(NameFault::InUse);
        }
        Ok(name)
    }
}

/// Letters without lookalikes: names identify who decided and who read, so no two may look the same.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || matches!(letter, ' ' | '-' | '_' | '.' | '@' | '+')
        || matches!(letter, '가'..='힣' | '一'..='鿿' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | 'ー')
}

/// The hash of a secret. [`blake3::Hash`] compares in constant time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SecretHash(blake3::Hash);

const HASH_PREFIX: &str = "blake3:";

impl SecretHash {
    fn of(secret: &str) -> Self {
        Self(blake3::derive_key("profile360 2026 secret of an API key", secret.as_bytes()).into())
    }
}

impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{HASH_PREFIX}{}", self.0.to_hex()))
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = text.strip_prefix(HASH_PREFIX).and_then(|it| blake3::Hash::from_hex(it).ok());
        hash.map(Self).ok_or_else(|| serde::de::Error::custom("a hash is blake3: and 64 hexadecimal digits"))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

#[cfg(test)]
mod tests;
