//! The facts as they are, or as a preview changes them, and what resolution makes of them.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    error::PreviewError,
    facts::{IdentifierOfFacts, LinkOfFacts, ProfileFacts},
};
use crate::{
    evidence::{decision::Decision, link::Pair, neighbors::Neighbors},
    graph::{
        input::{Input, Node, is_open, is_shared},
        resolve::{Partition, resolve},
    },
    identifier::{Identifier, Kind},
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

/// Facts under a policy, with what a preview changes of them. The facts are sorted.
#[derive(Debug, Clone)]
pub(super) struct Scenario<'a> {
    pub facts: &'a ProfileFacts,
    pub policy: &'a CompiledPolicy,
    /// Positions of identifiers, and of orders under each, by time and key: who asks for every date finds them sorted.
    pub orders: &'a [(usize, usize)],
    /// Those that count.
    pub decisions: Vec<Cow<'a, Decision>>,
    /// A link, by its position, that is treated as never seen.
    without: Option<usize>,
    /// Counts of neighbors that differ from those in the facts.
    neighbors: Vec<(&'a Identifier, BTreeMap<Kind, Neighbors>)>,
    /// An identifier, by its position, and when it is retired.
    retired: Option<(usize, Timestamp)>,
}

/// What resolution makes of a situation. Nodes are positions in the identifiers of the facts.
#[derive(Debug)]
pub(super) struct Resolved {
    pub partition: Partition,
    /// For each node.
    pub is_shared: Vec<bool>,
    /// The links between two nodes, as positions in the facts; the partition's `withheld` counts in these.
    pub links: Vec<usize>,
}

impl<'a> Scenario<'a> {
    pub(super) fn of(facts: &'a ProfileFacts, policy: &'a CompiledPolicy, orders: &'a [(usize, usize)]) -> Self {
        Self {
            facts,
            policy,
            orders,
            decisions: facts.decisions.iter().filter(|it| it.is_active()).map(Cow::Borrowed).collect(),
            without: None,
            neighbors: Vec::new(),
            retired: None,
        }
    }

    /// The same without a link: as if no message had ever named both ends together.
    pub(super) fn without_link(mut self, position: usize) -> Self {
        let Some(LinkOfFacts { pair: Pair { a, b }, seen, .. }) = self.facts.links.get(position) else { return self };
        for (one, other) in [(a, b), (b, a)] {
            let Some(known) = self.neighbors_of(one) else { continue };
            let mut neighbors = known.clone();
            if let Some(of_kind) = neighbors.get_mut(&other.kind) {
                of_kind.remove(Some(seen.first_seen));
            }
            self.neighbors.push((one, neighbors));
        }
        self.without = Some(position);
        self
    }

    pub(super) fn with_retired(mut self, node: usize, from: Timestamp) -> Self {
        self.retired = Some((node, from));
        self
    }

    pub(super) fn retired_at(&self, node: usize) -> Option<Timestamp> {
        let own = self.facts.identifiers.get(node).and_then(|it| it.retired_at);
        self.retired.filter(|(it, _)| *it == node).map_or(own, |(_, at)| Some(at))
    }

    /// The active decisions about an identifier.
    pub(super) fn decisions_about(&self, identifier: &Identifier) -> impl Iterator<Item = &Decision> {
        let is_about = move |it: &&Decision| it.pair.a == *identifier || it.pair.b == *identifier;
        self.decisions.iter().map(AsRef::as_ref).filter(is_about)
    }

    /// The input of resolution. Its links are positions in the facts.
    pub(super) fn input(&self) -> Input<'_> {
        let node = |known: &'a IdentifierOfFacts| Node {
            identifier: &known.identifier,
            first_seen: known.facts.seen.first_seen,
            is_shared: self.is_shared(known),
        };
        let links = self.facts.links.iter().enumerate().map(|(position, link)| {
            let is_there = self.without != Some(position);
            (link.pair.positions(|it| self.facts.position_of(it)).filter(|_| is_there), link.seen.first_seen)
        });
        let nodes = self.facts.identifiers.iter().map(node).collect();
        Input::new(nodes, links, self.decisions.iter().map(AsRef::as_ref), |it| self.facts.position_of(it))
    }

    pub(super) fn resolve(&self) -> Resolved {
        let input = self.input();
        let partition = resolve(&input, self.policy);
        let is_shared = input.nodes.iter().map(|node| node.is_shared).collect();
        Resolved { partition, is_shared, links: input.links }
    }

    /// Whether everything that this scenario depends on was loaded: all links of open identifiers, and the identifiers at
    /// their far ends.
    pub(super) fn check_complete(&self) -> Result<(), PreviewError> {
        let mut n_loaded: Vec<u64> = vec![0; self.facts.identifiers.len()];
        for (position, LinkOfFacts { pair, .. }) in self.facts.links.iter().enumerate() {
            if self.without == Some(position) {
                continue;
            }
            for (one, other) in [(&pair.a, &pair.b), (&pair.b, &pair.a)] {
                let Some(node) = self.facts.position_of(one) else { continue };
                if let Some(n) = n_loaded.get_mut(node) {
                    *n += 1;
                }
                let leads_out = self.facts.position_of(other).is_none();
                if leads_out && self.is_open(one) && self.is_open(other) {
                    return Err(PreviewError::IncompleteFacts);
                }
            }
        }
        let all_loaded = self.facts.identifiers.iter().zip(n_loaded).all(|(it, n_loaded)| {
            let neighbors = self.neighbors_of(&it.identifier);
            let n_known: u64 = neighbors.into_iter().flat_map(BTreeMap::values).map(|it| u64::from(it.len())).sum();
            n_known <= n_loaded || !self.is_open(&it.identifier)
        });
        let is_end_open = self.facts.ends.iter().any(|it| self.is_open(&it.identifier));
        if all_loaded && !is_end_open { Ok(()) } else { Err(PreviewError::IncompleteFacts) }
    }

    fn is_shared(&self, it: &IdentifierOfFacts) -> bool {
        let neighbors = self.changed_neighbors(&it.identifier).unwrap_or(&it.facts.neighbors);
        is_shared(&it.identifier.kind, neighbors, self.policy)
    }

    /// Whether components reach through an identifier. One that was not loaded is assumed to be open.
    fn is_open(&self, identifier: &Identifier) -> bool {
        match self.neighbors_of(identifier) {
            Some(neighbors) => is_open(identifier, neighbors, self.policy),
            None => !self.policy.blocks(&identifier.value),
        }
    }

    fn changed_neighbors(&self, identifier: &Identifier) -> Option<&BTreeMap<Kind, Neighbors>> {
        self.neighbors.iter().find(|(it, _)| *it == identifier).map(|(_, neighbors)| neighbors)
    }

    pub(super) fn neighbors_of(&self, identifier: &Identifier) -> Option<&BTreeMap<Kind, Neighbors>> {
        if let Some(changed) = self.changed_neighbors(identifier) {
            return Some(changed);
        }
        if let Some(node) = self.facts.position_of(identifier) {
            return self.facts.identifiers.get(node).map(|it| &it.facts.neighbors);
        }
        let end = self.facts.ends.binary_search_by(|it| it.identifier.cmp(identifier)).ok()?;
        self.facts.ends.get(end).map(|it| &it.neighbors)
    }
}
