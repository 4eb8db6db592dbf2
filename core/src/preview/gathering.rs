//! The facts that go to the browser, gathered from all facts of a base: the server's half.

use std::collections::BTreeSet;

use super::facts::{EndOfFacts, IdentifierOfFacts, LinkOfFacts, ProfileFacts};
use crate::{
    evidence::{decision::Decision, facts::Facts},
    graph::{base::Resolution, input::is_shared, rows::CellKey},
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
    /// not add nothing. This is the definition that who loads them from a store must agree with. A cell's key is here its
    /// anchor's latent ID.
    pub fn of(
        base: &Facts,
        named: &[UnifiedId],
        policy_version: i64,
        policy: &CompiledPolicy,
        secret: &IdSecret,
    ) -> Self {
        let Resolution { identifiers, links, partition } = base.resolve(policy);
        let ids: Vec<UnifiedId> = identifiers.iter().map(|(it, _)| unified_id(it, secret)).collect();
        let position_of = |it: &Identifier| identifiers.binary_search_by_key(&it, |(identifier, _)| *identifier).ok();
        let is_open: Vec<bool> = identifiers
            .iter()
            .map(|(it, known)| !is_shared(&it.kind, &known.neighbours, policy) && !policy.blocks(&it.value))
            .collect();
        // For each identifier where its links lead to, by the links' positions, and where decisions about it do.
        let mut linked: Vec<Vec<(usize, usize)>> = vec![Vec::new(); identifiers.len()];
        for (position, (pair, _)) in links.iter().enumerate() {
            let (Some(a), Some(b)) = (position_of(&pair.a), position_of(&pair.b)) else { continue };
            linked[a].push((position, b));
            linked[b].push((position, a));
        }
        let mut decided: Vec<Vec<usize>> = vec![Vec::new(); identifiers.len()];
        for decision in base.decisions.iter().filter(|it| it.is_active()) {
            let (Some(a), Some(b)) = (position_of(&decision.pair.a), position_of(&decision.pair.b)) else { continue };
            decided[a].push(b);
            decided[b].push(a);
        }

        let named: BTreeSet<UnifiedId> = named.iter().copied().collect();
        let is_named = |it: &usize| named.contains(&ids[*it]);
        let named_nodes = (0..ids.len()).filter(is_named);
        let mut pending: Vec<usize> =
            named_nodes.flat_map(|it| partition.cells[partition.cell_of[it]].iter().copied()).collect();
        let mut found: BTreeSet<usize> = BTreeSet::new();
        while let Some(node) = pending.pop() {
            if !found.insert(node) {
                continue;
            }
            pending.extend(&decided[node]);
            if is_open[node] {
                pending.extend(linked[node].iter().map(|(_, other)| *other).filter(|it| is_open[*it]));
            }
        }
        let wanted_links: BTreeSet<usize> = found
            .iter()
            .flat_map(|node| linked[*node].iter().filter(|(_, other)| is_open[*node] || found.contains(other)))
            .map(|(link, _)| *link)
            .collect();
        let ends: BTreeSet<usize> = wanted_links
            .iter()
            .flat_map(|it| [position_of(&links[*it].0.a), position_of(&links[*it].0.b)])
            .flatten()
            .filter(|it| !found.contains(it))
            .collect();
        let is_about =
            |it: &&Decision| [&it.pair.a, &it.pair.b].into_iter().filter_map(position_of).any(|it| found.contains(&it));
        let mut facts = Self {
            policy_version,
            policy: Policy::clone(policy),
            zones: Vec::new(),
            identifiers: found
                .iter()
                .map(|node| IdentifierOfFacts {
                    identifier: identifiers[*node].0.clone(),
                    unified_id: ids[*node],
                    cell: CellKey(ids[partition.anchors[partition.cell_of[*node]]]),
                    retired_at: None,
                    facts: identifiers[*node].1.clone(),
                    orders: Vec::new(),
                    refunds: Vec::new(),
                })
                .collect(),
            ends: ends
                .into_iter()
                .map(|node| EndOfFacts {
                    identifier: identifiers[node].0.clone(),
                    unified_id: ids[node],
                    retired_at: None,
                    seen: identifiers[node].1.seen.clone(),
                    neighbours: identifiers[node].1.neighbours.clone(),
                })
                .collect(),
            links: wanted_links
                .into_iter()
                .map(|it| {
                    let (pair, seen) = links[it];
                    LinkOfFacts { pair: pair.clone(), seen: seen.clone(), withheld: partition.withheld[it].clone() }
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
