//! What is known of one identifier.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{identifier_summary::Facet, link::Sightings, neighbours::Neighbours};
use crate::{
    identifier::{Identifier, Kind},
    message::Message,
    time::Timestamp,
};

/// What is known of one identifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentifierFacts {
    /// Sightings by any message that carried it.
    #[serde(rename = "s")]
    pub seen: Sightings,
    /// How many distinct identifiers of each kind it links to.
    #[serde(rename = "n", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub neighbours: BTreeMap<Kind, Neighbours>,
    /// What the messages say of which it is the strongest identifier.
    #[serde(rename = "f", default)]
    pub facet: Facet,
}

impl IdentifierFacts {
    pub(crate) fn new(message: &Message) -> Self {
        Self { seen: Sightings::of(message), neighbours: BTreeMap::new(), facet: Facet::default() }
    }

    /// Leaves out what there is no room for: rows of earlier versions may hold more than [`Facts::add`] keeps.
    pub fn keep(&mut self) {
        self.seen.keep();
        self.facet.keep();
    }

    /// `met` is when both were first seen together, of a neighbour that is stronger.
    pub(crate) fn add_neighbour(&mut self, kind: &Kind, met: Option<Timestamp>) {
        add_neighbour(&mut self.neighbours, kind, met);
    }
}

pub(crate) fn add_neighbour(neighbours: &mut BTreeMap<Kind, Neighbours>, kind: &Kind, met: Option<Timestamp>) {
    if let Some(known) = neighbours.get_mut(kind) {
        known.add(met);
        return;
    }
    let mut new = Neighbours::default();
    new.add(met);
    neighbours.insert(kind.clone(), new);
}

/// When an identifier met the other end of a new link, where that end is stronger.
pub(crate) fn met_stronger(one: &Identifier, message: &Message) -> Option<Timestamp> {
    let home = message.home();
    (one != home && one.kind != home.kind).then_some(message.at)
}

/// Takes note that a link was seen earlier than was known.
pub(crate) fn meet_earlier(
    neighbours: &mut BTreeMap<Kind, Neighbours>,
    stronger: &Kind,
    known: Timestamp,
    now: Timestamp,
) {
    if let Some(of_kind) = neighbours.get_mut(stronger) {
        of_kind.meet_earlier(known, now);
    }
}
