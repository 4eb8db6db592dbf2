//! What would become of a whole base under another policy.
//!
//! Of each message only who it names is kept, so memory grows with identifiers and links, never with messages.

use std::collections::{BTreeMap, HashMap};

use super::{
    input::{Input, Node, is_shared},
    resolve::{Partition, resolve},
};
use crate::{
    evidence::{
        decision::Decision,
        identifier_facts::{add_neighbor, meet_earlier, met_stronger},
        link::pairs_of,
        neighbors::Neighbors,
    },
    identifier::{Identifier, Kind},
    message::Message,
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

/// The identifiers and links of messages. Adding a message twice changes nothing.
#[derive(Debug, Default)]
pub struct Graph {
    /// In the order in which they were met.
    identifiers: Vec<(Identifier, Timestamp, BTreeMap<Kind, Neighbors>)>,
    position_of: HashMap<Identifier, u32>,
    links: HashMap<(u32, u32), Timestamp>,
}

impl Graph {
    /// Adds a message that was parsed under the policy that is tried.
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
                    && let Some((.., neighbors)) = self.identifiers.get_mut(weaker as usize)
                {
                    meet_earlier(neighbors, &home.kind, known, message.at);
                }
                continue;
            }
            self.links.insert((a, b), message.at);
            for (position, one, other) in [(a, &pair.a, &pair.b), (b, &pair.b, &pair.a)] {
                if let Some((.., neighbors)) = self.identifiers.get_mut(position as usize) {
                    add_neighbor(neighbors, &other.kind, met_stronger(one, message));
                }
            }
        }
    }

    /// The position of an identifier, if it is there.
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
            .map(|(identifier, first_seen, neighbors)| Node {
                identifier,
                first_seen: *first_seen,
                is_shared: is_shared(&identifier.kind, neighbors, policy),
            })
            .collect();
        let links = self.links.iter().map(|((a, b), first_seen)| (Some((*a as usize, *b as usize)), *first_seen));
        let input = Input::new(nodes, links, decisions, |identifier| self.position_of(identifier));
        resolve(&input, policy)
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

#[cfg(test)]
mod tests;
