//! The facts that go to the browser, and what is made of them there.

use std::collections::BTreeMap;

use profile360_compact_json::sort::sort_by;
use serde::{Deserialize, Serialize};

use super::card::order;
use crate::{
    evidence::{
        decision::Decision,
        identifier_facts::IdentifierFacts,
        link::{Pair, Sightings},
        neighbours::Neighbours,
    },
    graph::{rows::CellKey, withheld::Withheld},
    identifier::{Identifier, Kind, UnifiedId},
    message::order::{Order, Refund},
    policy::document::Policy,
    time::Timestamp,
    time_zone::{Zone, ZoneOffsets},
};

/// Everything from which core alone shows one or more profiles, and what would become of them.
///
/// Previews are exact where this was loaded, for the policy in force:
///
/// 1. `identifiers` begins with the members of the profiles that were named, and grows by these two rules:
///    * whom an active decision about one of them names, if that identifier was ever seen;
///    * whom a link of one of them leads to, unless either end is closed, that is shared or blocked: no component reaches
///      through it.
/// 2. `links` holds all links of those of them that are not closed, and those between any two of them. A closed identifier's
///    other links are left out; its counts of neighbours are in its facts.
/// 3. `ends` holds the closed identifiers at the far ends of these links that are not among `identifiers`.
/// 4. `decisions` holds the active decisions about any of `identifiers`; revoked ones may be there.
///
/// A change that opens a closed identifier (a higher limit, a link cut) needs its links and whom they lead to as well; where
/// they are not there, it is refused with [`PreviewError::IncompleteFacts`]. They may be loaded by treating as open whom the
/// change would open.
///
/// The sequence of the lists says nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileFacts {
    pub policy_version: i64,
    pub policy: Policy,
    /// The offsets of the policy's time zone over the times of all purchases; see [`ProfileFacts::offsets_of`]. A policy of
    /// another zone is previewed where that one's are here too.
    pub zones: Vec<ZoneOffsets>,
    pub identifiers: Vec<IdentifierOfFacts>,
    #[serde(default)]
    pub ends: Vec<EndOfFacts>,
    pub links: Vec<LinkOfFacts>,
    pub decisions: Vec<Decision>,
}

/// An identifier of the components that were loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentifierOfFacts {
    pub identifier: Identifier,
    /// Its latent unified ID.
    pub unified_id: UnifiedId,
    /// The lasting key of the cell that it is in; a merge goes out from the first one.
    pub cell: CellKey,
    /// From when on the value belongs to its next owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    pub facts: IdentifierFacts,
    /// The orders whose home it is: each once, as the latest message told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<Order>,
    /// The refunds whose home it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
}

/// A link, and why resolution does not follow it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkOfFacts {
    pub pair: Pair,
    pub seen: Sightings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
}

/// A closed identifier that links lead to and that is not looked into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndOfFacts {
    pub identifier: Identifier,
    /// Its latent unified ID.
    pub unified_id: UnifiedId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    pub seen: Sightings,
    /// How many distinct identifiers of each kind it links to.
    pub neighbours: BTreeMap<Kind, Neighbours>,
}

impl ProfileFacts {
    pub(super) fn purchase_times(&self) -> impl Iterator<Item = Timestamp> {
        self.identifiers.iter().flat_map(|it| it.orders.iter().map(|it| it.at).chain(it.refunds.iter().map(|it| it.at)))
    }

    pub(super) fn clocks_of(&self, zone: Zone) -> Option<&ZoneOffsets> {
        self.zones.iter().find(|it| it.zone == zone)
    }

    /// Brings all lists into one sequence: zones by name, identifiers ascending, links by pair, decisions by ID, orders and refunds by time.
    /// Equal facts serialise to equal text then.
    pub fn sort(&mut self) {
        sort_by(&mut self.zones, |a, b| (a.zone.name(), a.first).cmp(&(b.zone.name(), b.first)));
        sort_by(&mut self.identifiers, |a, b| a.identifier.cmp(&b.identifier));
        sort_by(&mut self.ends, |a, b| a.identifier.cmp(&b.identifier));
        sort_by(&mut self.links, |a, b| a.pair.cmp(&b.pair));
        sort_by(&mut self.decisions, |a, b| a.id.cmp(&b.id));
        for it in &mut self.identifiers {
            sort_by(&mut it.orders, |a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
            sort_by(&mut it.refunds, |a, b| (a.at, &a.message_id).cmp(&(b.at, &b.message_id)));
        }
    }

    pub(super) fn position_of(&self, identifier: &Identifier) -> Option<usize> {
        self.identifiers.binary_search_by(|it| it.identifier.cmp(identifier)).ok()
    }
}

pub(super) fn orders_in_time(facts: &ProfileFacts) -> Vec<(usize, usize)> {
    let orders =
        facts.identifiers.iter().enumerate().flat_map(|(node, it)| (0..it.orders.len()).map(move |it| (node, it)));
    let mut orders: Vec<(usize, usize)> = orders.collect();
    let place = |it: (usize, usize)| order(facts, it).map(|it| (it.at, &it.key));
    sort_by(&mut orders, |a, b| place(*a).cmp(&place(*b)));
    orders
}
