//! Who is who in messages that were gathered without a database, and what each customer bought.

use std::collections::BTreeMap;

use super::{
    input::{Edge, Input, Node, is_shared},
    resolve::{Partition, resolve},
};
use crate::{
    evidence::{
        gathered::{Gathered, Map},
        identifier_facts::add_neighbor,
        neighbors::Neighbors,
    },
    identifier::{Identifier, Kind},
    message::order::{Order, OrderKey, Refund},
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

/// Who is who, and what each customer bought.
#[derive(Debug)]
pub struct Resolved<'g> {
    /// Ascending; the partition counts in these positions.
    pub identifiers: Vec<&'g Identifier>,
    pub partition: Partition,
    /// For each profile its orders: of several with one ID the latest (time, then message ID).
    pub orders: Vec<Vec<&'g Order>>,
    /// For each profile the refunds that count for it.
    pub refunds: Vec<Vec<&'g Refund>>,
}

impl Gathered {
    /// Finds out who is who.
    pub fn resolve(&self, policy: &CompiledPolicy) -> Resolved<'_> {
        let counts = self.first_of_each_id();
        let mut first_seen: Vec<Option<Timestamp>> = vec![None; self.identifiers.len()];
        // The smaller number first, so that either direction is one link.
        let mut links: Map<(u32, u32), Timestamp> = Map::default();
        let counted = self.messages.iter().zip(&counts).filter(|(_, counts)| **counts).map(|(message, _)| message);
        for message in counted {
            let Some(numbers) = self.named.get(message.first..message.end) else { continue };
            for number in numbers {
                if let Some(seen) = first_seen.get_mut(*number as usize) {
                    *seen = Some(seen.map_or(message.at, |it| it.min(message.at)));
                }
            }
            let Some((home, others)) = numbers.split_first() else { continue };
            for other in others.iter().filter(|it| *it != home) {
                let pair = (*home.min(other), *home.max(other));
                let seen = links.entry(pair).or_insert(message.at);
                *seen = message.at.min(*seen);
            }
        }
        self.resolve_links(policy, &counts, &first_seen, &links)
    }

    fn resolve_links(
        &self,
        policy: &CompiledPolicy,
        counts: &[bool],
        first_seen: &[Option<Timestamp>],
        links: &Map<(u32, u32), Timestamp>,
    ) -> Resolved<'_> {
        let mut known: Vec<(&Identifier, u32, Timestamp)> = (0..)
            .zip(self.identifiers.iter().zip(first_seen))
            .filter_map(|(number, (identifier, seen))| Some((identifier, number, (*seen)?)))
            .collect();
        known.sort_unstable();
        let mut position_of = vec![None; self.identifiers.len()];
        for (position, (_, number, _)) in known.iter().enumerate() {
            if let Some(place) = position_of.get_mut(*number as usize) {
                *place = Some(position);
            }
        }
        let position_of = |number: u32| position_of.get(number as usize).copied().flatten();

        let mut neighbors: Vec<BTreeMap<Kind, Neighbors>> = vec![BTreeMap::new(); known.len()];
        let mut edges = Vec::with_capacity(links.len());
        for (pair, at) in links {
            let (Some(a), Some(b)) = (position_of(pair.0), position_of(pair.1)) else { continue };
            edges.push(Edge { a, b, first_seen: *at });
            for (one, other) in [(a, b), (b, a)] {
                let (kind, other) = (&known[one].0.kind, &known[other].0.kind);
                let met = (policy.priority(other) < policy.priority(kind)).then_some(*at);
                add_neighbor(&mut neighbors[one], other, met);
            }
        }
        let nodes = known.iter().zip(&neighbors).map(|((identifier, _, first_seen), neighbors)| Node {
            identifier,
            first_seen: *first_seen,
            is_shared: is_shared(&identifier.kind, neighbors, policy),
        });
        let input =
            Input { nodes: nodes.collect(), edges, links: Vec::new(), constraints: Vec::new(), decisions: Vec::new() };
        let partition = resolve(&input, policy);
        let cluster_of = |number: u32| position_of(number).and_then(|it| partition.cluster_of.get(it)).copied();
        let (orders, refunds) = self.purchases(counts, partition.clusters.len(), cluster_of);
        Resolved {
            identifiers: known.into_iter().map(|(identifier, ..)| identifier).collect(),
            partition,
            orders,
            refunds,
        }
    }

    /// The orders and refunds of each profile.
    fn purchases(
        &self,
        counts: &[bool],
        n_clusters: usize,
        cluster_of: impl Fn(u32) -> Option<usize>,
    ) -> (Vec<Vec<&Order>>, Vec<Vec<&Refund>>) {
        let cluster = |message: usize| {
            let home = self.messages.get(message).and_then(|it| self.named.get(it.first));
            home.and_then(|it| cluster_of(*it))
        };
        let mut latest: Map<&OrderKey, (usize, &Order)> = Map::default();
        for (message, order) in self.orders.iter().filter(|(message, _)| counts[*message]) {
            let is_newer = |(_, old): &(usize, &Order)| (old.at, &old.message_id) < (order.at, &order.message_id);
            if latest.get(&order.key).is_none_or(is_newer) {
                latest.insert(&order.key, (*message, order));
            }
        }
        let mut orders = vec![Vec::new(); n_clusters];
        for (message, order) in latest.values() {
            if let Some(cluster) = cluster(*message) {
                orders[cluster].push(*order);
            }
        }
        let mut refunds = vec![Vec::new(); n_clusters];
        for (sender, refund) in self.refunds.iter().filter(|(message, _)| counts[*message]) {
            let key = refund.order_id.clone().map(OrderKey::Order);
            let order = key.and_then(|it| latest.get(&it));
            if let Some(cluster) = cluster(order.map_or(*sender, |(message, _)| *message)) {
                refunds[cluster].push(refund);
            }
        }
        (orders, refunds)
    }
}

#[cfg(test)]
mod tests;
