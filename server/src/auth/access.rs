//! Who asks, and what its role lets it do.

use std::{path::PathBuf, sync::Arc};

use clap::ValueEnum;
use profile360_core::message::{parse::accepted::Accepted, refusal::Refusal};
use serde::{Deserialize, Serialize};

use crate::auth::api_keys::{AuthError, Authenticator, Key, KeysError, Scope};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Sends messages and reads nothing: for programs, whose keys are in apps, pages and other people's servers.
    #[value(name = "INGEST", alias = "ingest")]
    Ingest,
    /// Reads, with personal data masked.
    #[value(name = "READER", alias = "reader")]
    Reader,
    /// Reads everything.
    #[value(name = "ANALYST", alias = "analyst")]
    Analyst,
    /// Also decides who is who.
    #[value(name = "STEWARD", alias = "steward")]
    Steward,
    /// Does everything: also policies, sending messages, the audit log.
    #[value(name = "ADMIN", alias = "admin")]
    Admin,
}

/// What something asks of whoever does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// That it is let in at all.
    Nothing,
    /// To send messages.
    Send,
    /// To read what is no personal data, and the rest masked.
    Read,
    /// To read personal data.
    ReadPersonal,
    /// To decide who is whom.
    Decide,
    /// To change the rules for everyone, and to see who read what.
    Govern,
}

impl Role {
    /// Whether the role is enough. READER, ANALYST, STEWARD and ADMIN each may what the one before may; sending messages is for
    /// INGEST, and for ADMIN: whoever looks at customers has no need to make them up.
    pub const fn may(self, need: Permission) -> bool {
        match need {
            Permission::Nothing => true,
            Permission::Send => matches!(self, Self::Ingest | Self::Admin),
            Permission::Read => !matches!(self, Self::Ingest),
            Permission::ReadPersonal => matches!(self, Self::Analyst | Self::Steward | Self::Admin),
            Permission::Decide => matches!(self, Self::Steward | Self::Admin),
            Permission::Govern => matches!(self, Self::Admin),
        }
    }

    /// The role as the API and the keys file spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "INGEST",
            Self::Reader => "READER",
            Self::Analyst => "ANALYST",
            Self::Steward => "STEWARD",
            Self::Admin => "ADMIN",
        }
    }
}

impl Permission {
    /// The least role that is enough, for a sentence.
    pub const fn minimum_role(self) -> &'static str {
        match self {
            Self::Nothing => "any",
            Self::Send => "INGEST or ADMIN",
            Self::Read => "READER",
            Self::ReadPersonal => "ANALYST",
            Self::Decide => "STEWARD",
            Self::Govern => "ADMIN",
        }
    }
}

/// Who asks. Only this module makes one: of a key, or of a server that has no keys.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::manual_non_exhaustive, reason = "other modules of this crate make none, either")]
pub struct Caller {
    /// The ID of its key; none where the server has no keys.
    pub key: Option<Arc<str>>,
    pub name: Arc<str>,
    pub role: Role,
    /// What it may send, and which results it gets.
    pub scope: Arc<Scope>,
    _made_here: (),
}

/// The names of those who are no keys: who sits at a machine whose server has no keys, and the program itself.
pub const RESERVED_NAMES: [&str; 2] = ["local", "system"];

impl Caller {
    /// The holder of a key.
    pub(crate) fn of_key(key: &Key) -> Self {
        let scope = Arc::new(key.scope.clone());
        Self { key: Some(key.id.clone()), name: key.name.clone(), role: key.role, scope, _made_here: () }
    }

    pub const fn may(&self, need: Permission) -> bool {
        self.role.may(need)
    }

    /// Whether it is told which customer a message was of. Who only sends learns nothing of who is a customer, unless its key
    /// says so.
    pub fn sees_results(&self) -> bool {
        self.may(Permission::Read) || self.scope.results
    }

    /// A message as this caller's: refused where its key may not send it, else kept with the key's ID.
    ///
    /// # Errors
    ///
    /// Where the key is for other sources or other types of messages.
    pub fn send(&self, mut accepted: Accepted) -> Result<Accepted, Refusal> {
        self.scope.check(&accepted)?;
        if let Some(key) = &self.key {
            accepted.receive_by(key);
        }
        Ok(accepted)
    }
}

/// How a server knows who asks.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// By a key of its keys file.
    Keys(Arc<Authenticator>),
    /// Not at all: it has no keys.
    Keyless(Keyless),
}

/// The proof that a server has no keys. A caller without a key comes from nowhere else.
#[derive(Debug, Clone)]
pub struct Keyless(());

impl Keyless {
    /// Without keys the server listens on loopback only, and who comes from there is the operator of this machine.
    pub fn caller(&self) -> Caller {
        Caller { key: None, name: RESERVED_NAMES[0].into(), role: Role::Admin, scope: Arc::default(), _made_here: () }
    }
}

impl Authentication {
    /// By the keys of a file, where there is one.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read: then nobody is let in, rather than everyone.
    pub fn open(keys: Option<PathBuf>) -> Result<Self, KeysError> {
        Ok(match keys {
            Some(path) => Self::Keys(Arc::new(Authenticator::open(path)?)),
            None => Self::Keyless(Keyless(())),
        })
    }

    /// Who shows a key, or nothing.
    ///
    /// # Errors
    ///
    /// Where the server has keys and this is none of them.
    pub fn caller(&self, key: Option<&str>) -> Result<Caller, AuthError> {
        match self {
            Self::Keys(gate) => gate.caller(key),
            Self::Keyless(keyless) => Ok(keyless.caller()),
        }
    }

    /// Whether someone who was let in before would be let in now, too.
    pub fn is_still_valid(&self, caller: &Caller) -> bool {
        match self {
            Self::Keys(gate) => gate.is_still_valid(caller),
            Self::Keyless(_) => true,
        }
    }

    /// Whether it takes a key to be let in.
    pub const fn requires_keys(&self) -> bool {
        matches!(self, Self::Keys(_))
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Role};

    #[test]
    fn what_each_role_may() {
        use Permission::{Decide, Govern, Nothing, Read, ReadPersonal, Send};
        let table: [(Role, &[Permission]); 5] = [
            (Role::Ingest, &[Nothing, Send]),
            (Role::Reader, &[Nothing, Read]),
            (Role::Analyst, &[Nothing, Read, ReadPersonal]),
            (Role::Steward, &[Nothing, Read, ReadPersonal, Decide]),
            (Role::Admin, &[Nothing, Send, Read, ReadPersonal, Decide, Govern]),
        ];
        for (role, needs) in table {
            for need in [Nothing, Send, Read, ReadPersonal, Decide, Govern] {
                assert_eq!(role.may(need), needs.contains(&need), "{role:?} {need:?}");
            }
        }
    }
}
