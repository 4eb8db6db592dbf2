//! What would become of a whole base under another policy.
//!
//! Of each message only who it names is kept, so memory grows with identifiers and links, never with messages.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    evidence::{
        decision::Decision,
        facts::{add_neighbour, meet_earlier, met_stronger},
        link::pairs_of,
        neighbours::Neighbours,
    },
    graph::resolve::{DisjointSets, Edge, Node, Partition, Verdict, is_shared, resolve},
    identifier::{Identifier, Kind, UnifiedId},
    message::Message,
    plan::{Lineage, lineage::between},
    policy::CompiledPolicy,
    time::Timestamp,
};

/// The identifiers and links of messages. Whoever adds a message twice changes nothing.
#[derive(Debug, Default)]
pub struct Graph {
    /// In the order in which they were met.
    identifiers: Vec<(Identifier, Timestamp, BTreeMap<Kind, Neighbours>)>,
    position_of: HashMap<Identifier, u32>,
    links: HashMap<(u32, u32), Timestamp>,
}

impl Graph {
    /// Takes a message, read by the policy that is tried.
    pub fn add(&mut self, message: &Message) {
        for identifier in &message.identifiers {
            let position = self.position(identifier, message.at);
            if let Some((_, first_seen, _)) = self.identifiers.get_mut(position as usize) {
                *first_seen = message.at.min(*first_seen);
            }
        }
        for pair in pairs_of(message) {
            let (a, b) = (self.position(&pair.a, message.at), self.position(&pair.b, message.at));
            let home = message.home();
            if let Some(first_seen) = self.links.get_mut(&(a, b)) {
                let known = *first_seen;
                *first_seen = message.at.min(known);
                let weaker = if pair.a == *home { b } else { a };
                if message.at < known
                    && let Some((.., neighbours)) = self.identifiers.get_mut(weaker as usize)
                {
                    meet_earlier(neighbours, &home.kind, known, message.at);
                }
                continue;
            }
            self.links.insert((a, b), message.at);
            for (position, one, other) in [(a, &pair.a, &pair.b), (b, &pair.b, &pair.a)] {
                if let Some((.., neighbours)) = self.identifiers.get_mut(position as usize) {
                    add_neighbour(neighbours, &other.kind, met_stronger(one, message));
                }
            }
        }
    }

    /// Where an identifier stands, if it is there.
    pub fn position_of(&self, identifier: &Identifier) -> Option<usize> {
        self.position_of.get(identifier).map(|it| *it as usize)
    }

    pub fn identifier(&self, position: usize) -> Option<&Identifier> {
        self.identifiers.get(position).map(|(it, ..)| it)
    }

    /// How many identifiers there are.
    pub fn len(&self) -> usize {
        self.identifiers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.identifiers.is_empty()
    }

    /// The partition that the policy makes, in the positions of this graph.
    pub fn resolve<'a>(&'a self, decisions: impl Iterator<Item = &'a Decision>, policy: &CompiledPolicy) -> Partition {
        let nodes: Vec<Node<'_>> = self
            .identifiers
            .iter()
            .map(|(identifier, first_seen, neighbours)| Node {
                identifier,
                first_seen: *first_seen,
                is_shared: is_shared(&identifier.kind, neighbours, policy),
            })
            .collect();
        let edges: Vec<Edge> = self
            .links
            .iter()
            .map(|((a, b), first_seen)| Edge { a: *a as usize, b: *b as usize, first_seen: *first_seen })
            .collect();
        let verdicts: Vec<Verdict<'_>> = decisions
            .filter(|it| it.is_active())
            .filter_map(|decision| {
                let (a, b) = (self.position_of(&decision.pair.a)?, self.position_of(&decision.pair.b)?);
                Some(Verdict { a, b, decision })
            })
            .collect();
        resolve(&nodes, &edges, &verdicts, policy)
    }

    fn position(&mut self, identifier: &Identifier, at: Timestamp) -> u32 {
        if let Some(position) = self.position_of.get(identifier) {
            return *position;
        }
        // Four thousand million identifiers would not fit in memory by far.
        let position = u32::try_from(self.identifiers.len()).unwrap_or(u32::MAX);
        self.identifiers.push((identifier.clone(), at, BTreeMap::new()));
        self.position_of.insert(identifier.clone(), position);
        position
    }
}

/// One of two partitions of the same things: the part of each, and the name of each part. What is not in it is in no part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub part_of: Vec<Option<usize>>,
    pub names: Vec<UnifiedId>,
}

/// What differs between two partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    pub before: usize,
    pub after: usize,
    /// Profiles that are put together from two or more.
    pub merging: usize,
    /// Profiles whose identifiers come to lie in two or more.
    pub splitting: usize,
    /// Profiles that have to do with one another and are others then, by the smallest unified ID before.
    pub changes: Vec<Change>,
    /// The same as merges and unmerges.
    pub lineage: Vec<Lineage>,
}

/// Profiles whose identifiers are in other profiles afterwards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Ascending.
    pub before: Vec<UnifiedId>,
    /// Ascending.
    pub after: Vec<UnifiedId>,
}

/// Compares two partitions.
pub fn compare(before: &Parts, after: &Parts) -> Comparison {
    let both = before.part_of.iter().zip(&after.part_of);
    let mut flows: Vec<(usize, usize)> = both.filter_map(|(b, a)| Some(((*b)?, (*a)?))).collect();
    flows.sort_unstable();
    flows.dedup();
    let (n_before, n_after) = (before.names.len(), after.names.len());
    let mut n_parts = vec![0_u32; n_before];
    let mut n_sources = vec![0_u32; n_after];
    let mut groups = DisjointSets::new(n_before + n_after);
    for (b, a) in &flows {
        n_parts[*b] += 1;
        n_sources[*a] += 1;
        groups.join(*b, n_before + *a);
    }
    let mut parts_of: BTreeMap<usize, (UnifiedId, BTreeSet<usize>)> = BTreeMap::new();
    let mut now: BTreeMap<usize, UnifiedId> = BTreeMap::new();
    let mut changes: BTreeMap<usize, (BTreeSet<UnifiedId>, BTreeSet<UnifiedId>)> = BTreeMap::new();
    let mut changed = BTreeSet::new();
    for (b, a) in &flows {
        if 1 < n_parts[*b] || 1 < n_sources[*a] {
            changed.insert(groups.find(*b));
        }
    }
    for (b, a) in &flows {
        let group = groups.find(*b);
        if changed.contains(&group) {
            let change = changes.entry(group).or_default();
            change.0.insert(before.names[*b]);
            change.1.insert(after.names[*a]);
            parts_of.entry(*b).or_insert_with(|| (before.names[*b], BTreeSet::new())).1.insert(*a);
            now.insert(*a, after.names[*a]);
        }
    }
    let mut changes: Vec<Change> = changes
        .into_values()
        .map(|(before, after)| Change { before: before.into_iter().collect(), after: after.into_iter().collect() })
        .collect();
    changes.sort_unstable();
    Comparison {
        before: n_before,
        after: n_after,
        merging: n_sources.iter().filter(|it| 1 < **it).count(),
        splitting: n_parts.iter().filter(|it| 1 < **it).count(),
        changes,
        lineage: between(&parts_of, &now).into_iter().map(|(it, _)| it).collect(),
    }
}

#[cfg(test)]
mod tests;
