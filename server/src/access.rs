//! Who asks, and what its role lets it do.

use std::sync::Arc;

use clap::ValueEnum;
use profile360_core::message::{Accepted, Refusal};
use serde::{Deserialize, Serialize};

use crate::keys::Scope;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Sends messages and reads nothing: for programs, whose keys lie in apps, pages and other people's servers.
    #[value(name = "INGEST", alias = "ingest")]
    Ingest,
    /// Reads, with personal data masked.
    #[value(name = "READER", alias = "reader")]
    Reader,
    /// Reads all.
    #[value(name = "ANALYST", alias = "analyst")]
    Analyst,
    /// Decides besides who is whom.
    #[value(name = "STEWARD", alias = "steward")]
    Steward,
    /// Does everything: rules, sending messages, the audit log.
    #[value(name = "ADMIN", alias = "admin")]
    Admin,
}

/// What something asks of whoever does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
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
    pub const fn may(self, need: Need) -> bool {
        match need {
            Need::Nothing => true,
            Need::Send => matches!(self, Self::Ingest | Self::Admin),
            Need::Read => !matches!(self, Self::Ingest),
            Need::ReadPersonal => matches!(self, Self::Analyst | Self::Steward | Self::Admin),
            Need::Decide => matches!(self, Self::Steward | Self::Admin),
            Need::Govern => matches!(self, Self::Admin),
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

impl Need {
    /// The least role that is enough, for a sentence.
    pub const fn least_role(self) -> &'static str {
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

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The ID of its key; none where the server has no keys.
    pub key: Option<Arc<str>>,
    pub name: Arc<str>,
    pub role: Role,
    /// What it may send, and which results it gets.
    pub scope: Arc<Scope>,
}

/// The names of those who are no keys: whoever sits at a machine whose server has no keys, and the program itself.
pub const RESERVED_NAMES: [&str; 2] = ["local", "system"];

impl Caller {
    /// Without keys the server listens on loopback only, and whoever comes from there is the operator of this machine.
    pub fn local() -> Self {
        Self { key: None, name: RESERVED_NAMES[0].into(), role: Role::Admin, scope: Arc::default() }
    }

    pub const fn may(&self, need: Need) -> bool {
        self.role.may(need)
    }

    /// Whether it is told which customer a message was of. Who only sends learns nothing of who is a customer, unless its key
    /// says so.
    pub fn is_told_results(&self) -> bool {
        self.may(Need::Read) || self.scope.results
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

#[cfg(test)]
mod tests {
    use super::{Need, Role};

    #[test]
    fn what_each_role_may() {
        use Need::{Decide, Govern, Nothing, Read, ReadPersonal, Send};
        let table: [(Role, &[Need]); 5] = [
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
