//! What many messages say of identity and purchases, gathered in parts: on several cores, without a database.
//!
//! It holds what [`Facts`](super::facts::Facts) do as far as resolution and purchase summaries read them, and comes to the same;
//! a law holds it to that. Parts are merged in any order, because each message carries its place.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

use super::{identifier_facts::add_neighbor, neighbors::Neighbors};
use crate::{
    graph::{
        input::{Edge, Input, Node, is_shared},
        resolve::{Partition, resolve},
    },
    identifier::{Identifier, Kind},
    message::{
        Message,
        order::{Order, OrderKey, Refund},
    },
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

/// What messages say of identity and purchases.
#[derive(Debug, Default)]
pub struct Gathered {
    /// In the order in which they were met.
    identifiers: Vec<Identifier>,
    numbers: HashMap<Identifier, u32>,
    messages: Vec<Seen>,
    /// The identifiers of all messages, one message after the other, each message's strongest first.
    named: Vec<u32>,
    /// With the position of their message.
    orders: Vec<(usize, Order)>,
    refunds: Vec<(usize, Refund)>,
}

/// A message as far as it counts here.
#[derive(Debug)]
struct Seen {
    place: u64,
    id: Arc<str>,
    at: Timestamp,
    /// Its identifiers, by their positions in `named`.
    first: usize,
    end: usize,
}

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
    /// Adds a message. No two have one place; of several with one ID the one with the lowest place counts.
    pub fn add(&mut self, place: u64, message: Message) {
        let position = self.messages.len();
        let first = self.named.len();
        for identifier in message.identifiers {
            let number = self.number(identifier);
            self.named.push(number);
        }
        self.messages.push(Seen { place, id: message.id, at: message.at, first, end: self.named.len() });
        self.orders.extend(message.order.map(|order| (position, order)));
        self.refunds.extend(message.refund.map(|refund| (position, refund)));
    }

    fn number(&mut self, identifier: Identifier) -> u32 {
        if let Some(number) = self.numbers.get(&identifier) {
            return *number;
        }
        // Four thousand million identifiers fill any memory before.
        let number = u32::try_from(self.identifiers.len()).unwrap_or(u32::MAX);
        self.identifiers.push(identifier.clone());
        self.numbers.insert(identifier, number);
        number
    }

    /// Adds another part.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        if self.messages.len() < other.messages.len() {
            return other.merge(self);
        }
        let Self { identifiers, numbers: _, messages, named, orders, refunds } = other;
        let (n_messages, n_named) = (self.messages.len(), self.named.len());
        let number_of: Vec<u32> = identifiers.into_iter().map(|it| self.number(it)).collect();
        self.named.extend(named.into_iter().filter_map(|it| number_of.get(it as usize)));
        let moved = |it: Seen| Seen { first: it.first + n_named, end: it.end + n_named, ..it };
        self.messages.extend(messages.into_iter().map(moved));
        self.orders.extend(orders.into_iter().map(|(message, order)| (message + n_messages, order)));
        self.refunds.extend(refunds.into_iter().map(|(message, refund)| (message + n_messages, refund)));
        self
    }

    /// Finds out who is who.
    pub fn resolve(&self, policy: &CompiledPolicy) -> Resolved<'_> {
        let counts = self.first_of_each_id();
        let mut first_seen: Vec<Option<Timestamp>> = vec![None; self.identifiers.len()];
        // The smaller number first, so that either direction is one link.
        let mut links: HashMap<(u32, u32), Timestamp> = HashMap::new();
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
        links: &HashMap<(u32, u32), Timestamp>,
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

    /// For each message whether it counts: a message ID counts once.
    fn first_of_each_id(&self) -> Vec<bool> {
        let mut first: HashMap<&str, usize> = HashMap::with_capacity(self.messages.len());
        let mut counts = vec![true; self.messages.len()];
        for (position, message) in self.messages.iter().enumerate() {
            match first.entry(&message.id) {
                Entry::Vacant(new) => drop(new.insert(position)),
                Entry::Occupied(mut known) => {
                    let is_earlier = message.place < self.messages[*known.get()].place;
                    let later = if is_earlier { known.insert(position) } else { position };
                    counts[later] = false;
                }
            }
        }
        counts
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
        let mut latest: HashMap<&OrderKey, (usize, &Order)> = HashMap::with_capacity(self.orders.len());
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
