//! What is known of one identifier.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{identifier_summary::IdentifierSummary, link::Observations, neighbors::Neighbors};
use crate::{
    identifier::{Identifier, Kind},
    message::Message,
    time::Timestamp,
};

/// What is known of one identifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentifierFacts {
    /// Observations by any message that names it.
    #[serde(rename = "s")]
    pub seen: Observations,
    /// How many distinct identifiers of each kind it links to.
    #[serde(rename = "n", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub neighbors: BTreeMap<Kind, Neighbors>,
    /// What the messages say of which it is the strongest identifier.
    #[serde(rename = "f", default)]
    pub summary: IdentifierSummary,
}

impl IdentifierFacts {
    pub(crate) fn new(message: &Message) -> Self {
        Self { seen: Observations::of(message), neighbors: BTreeMap::new(), summary: IdentifierSummary::default() }
    }

    /// Leaves out what there is no room for: rows of earlier versions may hold more than [`Facts::add`] keeps.
    pub fn keep(&mut self) {
        self.seen.keep();
        self.summary.keep();
    }

    /// `met` is when both were first seen together, of a neighbor that is stronger.
    pub(crate) fn add_neighbor(&mut self, kind: &Kind, met: Option<Timestamp>) {
        add_neighbor(&mut self.neighbors, kind, met);
    }
}

pub(crate) fn add_neighbor(neighbors: &mut BTreeMap<Kind, Neighbors>, kind: &Kind, met: Option<Timestamp>) {
    if let Some(known) = neighbors.get_mut(kind) {
        known.add(met);
        return;
    }
    let mut new = Neighbors::default();
    new.add(met);
    neighbors.insert(kind.clone(), new);
}

/// When an identifier met the other end of a new link, where that end is stronger.
pub(crate) fn met_stronger(one: &Identifier, message: &Message) -> Option<Timestamp> {
    let home = message.home();
    (one != home && one.kind != home.kind).then_some(message.at)
}

/// Records that a link was seen earlier than was known.
pub(crate) fn meet_earlier(
    neighbors: &mut BTreeMap<Kind, Neighbors>,
    stronger: &Kind,
    known: Timestamp,
    now: Timestamp,
) {
    if let Some(of_kind) = neighbors.get_mut(stronger) {
        of_kind.meet_earlier(known, now);
    }
}
