//! Callers, their roles, and the permissions of each role.

use std::sync::Arc;

use clap::ValueEnum;
use profile360_core::message::{parse::accepted::Accepted, refusal::Refusal};
use serde::{Deserialize, Serialize};

use crate::auth::scope::Scope;

/// The role of a key: what its holder may do.
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

/// What an operation requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Nothing beyond authentication.
    Nothing,
    /// To send messages.
    Send,
    /// To read, with personal data masked.
    Read,
    /// To read personal data.
    ReadPersonal,
    /// To decide which identifiers are one customer.
    Decide,
    /// To publish policies and to read the audit log.
    Govern,
}

impl Role {
    /// Whether the role has the permission. READER, ANALYST, STEWARD and ADMIN each include the one before; only INGEST and ADMIN
    /// send messages, as a person who reads customers has no reason to create them.
    pub const fn may(self, permission: Permission) -> bool {
        match permission {
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
    /// The least role that has the permission, for error messages.
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

/// Who sends a request. Only the authenticator creates one: from a key, or for a server that has no keys.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::manual_non_exhaustive, reason = "other modules must not create one")]
pub struct Caller {
    /// The ID of its key; `None` if the server has no keys.
    pub key: Option<Arc<str>>,
    pub name: Arc<str>,
    pub role: Role,
    /// What it may send, and whether it sees the results.
    pub scope: Arc<Scope>,
    _private: (),
}

/// Names that no key may have: those of the operator of a server without keys, and of the program itself.
pub const RESERVED_NAMES: [&str; 2] = ["local", "system"];

impl Caller {
    pub(super) const fn new(key: Option<Arc<str>>, name: Arc<str>, role: Role, scope: Arc<Scope>) -> Self {
        Self { key, name, role, scope, _private: () }
    }

    pub const fn may(&self, permission: Permission) -> bool {
        self.role.may(permission)
    }

    /// Whether responses say which customer a message belongs to. A key that only sends must not reveal who is a customer,
    /// unless it was created with `--results`.
    pub fn sees_results(&self) -> bool {
        self.may(Permission::Read) || self.scope.results
    }

    /// Checks that this caller may send the message, and records the ID of its key in it.
    ///
    /// # Errors
    ///
    /// If the scope of the key does not include the message's source or type.
    pub fn send(&self, mut accepted: Accepted) -> Result<Accepted, Refusal> {
        self.scope.check(&accepted)?;
        if let Some(key) = &self.key {
            accepted.receive_by(key);
        }
        Ok(accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Role};

    #[test]
    fn each_role_has_exactly_its_permissions() {
        use Permission::{Decide, Govern, Nothing, Read, ReadPersonal, Send};
        let table: [(Role, &[Permission]); 5] = [
            (Role::Ingest, &[Nothing, Send]),
            (Role::Reader, &[Nothing, Read]),
            (Role::Analyst, &[Nothing, Read, ReadPersonal]),
            (Role::Steward, &[Nothing, Read, ReadPersonal, Decide]),
            (Role::Admin, &[Nothing, Send, Read, ReadPersonal, Decide, Govern]),
        ];
        for (role, permissions) in table {
            for permission in [Nothing, Send, Read, ReadPersonal, Decide, Govern] {
                assert_eq!(role.may(permission), permissions.contains(&permission), "{role:?} {permission:?}");
            }
        }
    }
}
