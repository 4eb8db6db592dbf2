//! The facts that go to the browser, and what is made of them there.

use std::collections::BTreeMap;

use profile360_compact_json::sort::sort_by;
use serde::{Deserialize, Serialize};

use crate::{
    evidence::{
        decision::Decision,
        identifier_facts::IdentifierFacts,
        link::{Observations, Pair},
        neighbors::Neighbors,
    },
    graph::{rows::ClusterKey, withheld::Withheld},
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
///    * the other identifier of each active decision about one of them, if it was ever seen;
///    * the other end of each link of one of them, unless either end is closed, that is shared or blocked: no component reaches
///      through it.
/// 2. `links` holds all links of those of them that are not closed, and those between any two of them. A closed identifier's
///    other links are left out; its counts of neighbors are in its facts.
/// 3. `ends` holds the closed identifiers at the far ends of these links that are not among `identifiers`.
/// 4. `decisions` holds the active decisions about any of `identifiers`; revoked ones may be there.
///
/// A change that opens a closed identifier (a higher limit, a link cut) needs its links and their far ends as well; where
/// they are not there, it is rejected with [`PreviewError::IncompleteFacts`](super::PreviewError::IncompleteFacts). They may
/// be loaded by treating as open what the change would open.
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
    /// Its derived ID.
    pub unified_id: UnifiedId,
    /// The lasting key of the cluster that it is in; a merge goes out from the first one.
    #[serde(rename = "cell")]
    pub cluster: ClusterKey,
    /// From when on the value belongs to its next owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    pub facts: IdentifierFacts,
    /// The orders whose home it is: each once, as the latest message reports it.
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
    pub seen: Observations,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
}

/// A closed identifier that links lead to and that is not looked into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndOfFacts {
    pub identifier: Identifier,
    /// Its derived ID.
    pub unified_id: UnifiedId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    pub seen: Observations,
    /// How many distinct identifiers of each kind it links to.
    #[serde(rename = "neighbours")]
    pub neighbors: BTreeMap<Kind, Neighbors>,
}

impl ProfileFacts {
    pub(super) fn purchase_times(&self) -> impl Iterator<Item = Timestamp> {
        let orders = self.identifiers.iter().flat_map(|identifier| &identifier.orders).map(|order| order.at);
        let refunds = self.identifiers.iter().flat_map(|identifier| &identifier.refunds).map(|refund| refund.at);
        orders.chain(refunds)
    }

    pub(super) fn clocks_of(&self, zone: Zone) -> Option<&ZoneOffsets> {
        self.zones.iter().find(|it| it.zone == zone)
    }

    /// Brings all lists into one sequence: zones by name, identifiers ascending, links by pair, decisions by ID, orders and refunds by time.
    /// Equal facts serialize to equal text then.
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

pub(super) fn order(facts: &ProfileFacts, (node, order): (usize, usize)) -> Option<&Order> {
    facts.identifiers.get(node)?.orders.get(order)
}

/// All orders by time and key, as positions of identifiers and of orders under each.
pub(super) fn orders_in_time(facts: &ProfileFacts) -> Vec<(usize, usize)> {
    let orders =
        facts.identifiers.iter().enumerate().flat_map(|(node, it)| (0..it.orders.len()).map(move |it| (node, it)));
    let mut orders: Vec<(usize, usize)> = orders.collect();
    let place = |position: (usize, usize)| order(facts, position).map(|order| (order.at, &order.key));
    sort_by(&mut orders, |a, b| place(*a).cmp(&place(*b)));
    orders
}
