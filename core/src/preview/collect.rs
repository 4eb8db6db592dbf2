//! The facts that go to the browser, gathered from all facts of a base: the server's half.

use std::collections::BTreeMap;

use super::facts::{EndOfFacts, IdentifierOfFacts, LinkOfFacts, ProfileFacts};
use crate::{
    evidence::{decision::Decision, facts::Facts},
    graph::{
        base::Resolution,
        expand::{Need, Walk},
        input::is_open,
        rows::ClusterKey,
    },
    identifier::{
        Identifier, UnifiedId,
        unified_id::{IdSecret, unified_id},
    },
    policy::{compiled::CompiledPolicy, document::Policy},
    time::Timestamp,
    time_zone::{Zone, ZoneOffsets},
};

impl ProfileFacts {
    /// The facts of profiles, by any unified IDs that were ever issued for them, from all facts of a base; IDs that there are
    /// not add nothing. This is the definition that who loads them from a store must agree with. A cluster's key is here its
    /// anchor's derived ID.
    pub fn of(
        base: &Facts,
        named: &[UnifiedId],
        policy_version: i64,
        policy: &CompiledPolicy,
        secret: &IdSecret,
    ) -> Self {
        let Resolution { identifiers, links, partition } = base.resolve(policy);
        let position_of = |it: &Identifier| identifiers.binary_search_by_key(&it, |(identifier, _)| *identifier).ok();
        let ids: Vec<UnifiedId> = identifiers.iter().map(|(identifier, _)| unified_id(identifier, secret)).collect();
        let mut links_of: BTreeMap<&Identifier, Vec<usize>> = BTreeMap::new();
        for (position, (pair, _)) in links.iter().enumerate() {
            for end in [&pair.a, &pair.b] {
                links_of.entry(end).or_default().push(position);
            }
        }
        let active: Vec<&Decision> = base.decisions.iter().filter(|decision| decision.is_active()).collect();
        let decided = |identifier: &Identifier| {
            let about = active.iter().filter(|decision| [&decision.pair.a, &decision.pair.b].contains(&identifier));
            about.map(|decision| decision.pair.other(identifier).clone()).collect()
        };

        let named_nodes = (0..ids.len()).filter(|node| named.contains(&ids[*node]));
        let members = named_nodes.flat_map(|node| &partition.clusters[partition.cluster_of[node]]);
        let mut walk: Walk<usize, usize> = Walk::new(members.map(|node| identifiers[*node].0.clone()));
        while let Some(need) = walk.need() {
            match need {
                Need::Identifiers(wanted) => {
                    let found = wanted.into_iter().filter_map(|it| position_of(&it).map(|position| (it, position)));
                    let is_open = |it: &Identifier, node: &usize| is_open(it, &identifiers[*node].1.neighbors, policy);
                    walk.add_identifiers(found, is_open, decided);
                }
                Need::LinksOf(wanted) => {
                    let found = wanted.iter().filter_map(|it| links_of.get(it)).flatten();
                    walk.add_links(found.map(|position| (links[*position].0.clone(), *position)));
                }
            }
        }

        let is_about = |decision: &&Decision| {
            [&decision.pair.a, &decision.pair.b].into_iter().any(|end| walk.identifiers.contains_key(end))
        };
        let mut facts = Self {
            policy_version,
            policy: Policy::clone(policy),
            zones: Vec::new(),
            identifiers: walk
                .identifiers
                .iter()
                .map(|(identifier, node)| IdentifierOfFacts {
                    identifier: identifier.clone(),
                    unified_id: ids[*node],
                    cluster: ClusterKey(ids[partition.anchors[partition.cluster_of[*node]]]),
                    retired_at: None,
                    facts: identifiers[*node].1.clone(),
                    orders: Vec::new(),
                    refunds: Vec::new(),
                })
                .collect(),
            ends: walk
                .ends
                .iter()
                .map(|(identifier, node)| EndOfFacts {
                    identifier: identifier.clone(),
                    unified_id: ids[*node],
                    retired_at: None,
                    seen: identifiers[*node].1.seen.clone(),
                    neighbors: identifiers[*node].1.neighbors.clone(),
                })
                .collect(),
            links: walk
                .links
                .iter()
                .map(|(pair, position)| LinkOfFacts {
                    pair: pair.clone(),
                    seen: links[*position].1.clone(),
                    withheld: partition.withheld[*position].clone(),
                })
                .collect(),
            decisions: base.decisions.iter().filter(is_about).cloned().collect(),
        };
        facts.take_purchases(base);
        facts.zones.push(facts.offsets_of(policy.time_zone));
        facts.sort();
        facts
    }

    /// The offsets of a time zone over the times of all purchases.
    pub fn offsets_of(&self, zone: Zone) -> ZoneOffsets {
        let first = self.purchase_times().min().unwrap_or(Timestamp::EARLIEST);
        ZoneOffsets::of(zone, first, self.purchase_times().max().unwrap_or(first))
    }

    fn take_purchases(&mut self, base: &Facts) {
        for (home, order) in base.orders.values() {
            if let Some(it) = self.position_of(home).and_then(|it| self.identifiers.get_mut(it)) {
                it.orders.push(order.clone());
            }
        }
        for (home, refund) in base.refunds_in_place() {
            if let Some(it) = self.position_of(home).and_then(|it| self.identifiers.get_mut(it)) {
                it.refunds.push(refund.clone());
            }
        }
    }
}
