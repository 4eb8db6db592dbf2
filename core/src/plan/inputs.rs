//! What a plan is made from.

use std::sync::Arc;

use super::{needs::first_needs, view::Needs};
use crate::{
    evidence::{
        decision::{Decision, Decisions},
        retirement::Retirements,
    },
    identifier::{Identifier, unified_id::IdSecret},
    message::Message,
    policy::compiled::CompiledPolicy,
};

/// What a plan is computed by.
#[derive(Debug, Clone)]
pub struct Rules {
    pub policy: Arc<CompiledPolicy>,
    /// As they are from this change on.
    pub decisions: Arc<Decisions>,
    pub secret: IdSecret,
}

/// What a change adds to the evidence.
#[derive(Debug, Clone)]
pub enum NewEvidence {
    /// Messages with the owners of their values.
    Messages(Arc<[Message]>),
    /// Decisions that were made or revoked.
    Decisions(Arc<[Decision]>),
    /// Retirements of one value that were made or revoked.
    Retirement(Arc<Reassignment>),
}

/// A value whose retirements were made or revoked.
#[derive(Debug)]
pub struct Reassignment {
    pub value: Identifier,
    /// All kept messages that name the value, each with the owner that it has in `before`.
    pub messages: Vec<Message>,
    pub before: Arc<Retirements>,
    pub after: Arc<Retirements>,
}

impl Reassignment {
    /// What a plan must see first: the rows that the messages name, under the owners before and after.
    pub(super) fn first_needs(&self) -> Needs {
        let mut messages = self.messages.clone();
        let mut needs = first_needs(&messages);
        messages.iter_mut().for_each(|it| self.after.assign(it));
        let after = first_needs(&messages);
        needs.identifiers.extend(after.identifiers);
        needs.links.extend(after.links);
        for retirements in [&self.before, &self.after] {
            needs.identifiers.extend(retirements.owners(&self.value));
        }
        needs
    }
}
