//! The facts as they are, or as a preview changes them, and what resolution makes of them.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    error::PreviewError,
    facts::{IdentifierOfFacts, LinkOfFacts, ProfileFacts},
};
use crate::{
    evidence::{decision::Decision, link::Pair, neighbours::Neighbours},
    graph::{
        input::{Edge, Node, Verdict, is_shared},
        resolve::{Partition, resolve},
        union_find::DisjointSets,
        withheld::Withheld,
    },
    identifier::{Identifier, Kind},
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

/// Facts under a policy, with what a preview changes of them. The facts are sorted.
#[derive(Debug, Clone)]
pub(super) struct Situation<'a> {
    pub facts: &'a ProfileFacts,
    pub policy: &'a CompiledPolicy,
    /// Positions of identifiers, and of orders under each, by time and key: who asks for every date finds them sorted.
    pub orders: &'a [(usize, usize)],
    /// Those that count.
    pub decisions: Vec<Cow<'a, Decision>>,
    /// A link, by its position, that is taken as never seen.
    without: Option<usize>,
    /// Counts of neighbours that differ from those in the facts.
    neighbours: Vec<(&'a Identifier, BTreeMap<Kind, Neighbours>)>,
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
    /// For each node a node that stands for its component.
    pub component_of: Vec<usize>,
}

impl<'a> Situation<'a> {
    pub(super) fn of(facts: &'a ProfileFacts, policy: &'a CompiledPolicy, orders: &'a [(usize, usize)]) -> Self {
        Self {
            facts,
            policy,
            orders,
            decisions: facts.decisions.iter().filter(|it| it.is_active()).map(Cow::Borrowed).collect(),
            without: None,
            neighbours: Vec::new(),
            retired: None,
        }
    }

    /// The same without a link: as if no message had ever named both ends together.
    pub(super) fn without_link(mut self, position: usize) -> Self {
        let Some(LinkOfFacts { pair: Pair { a, b }, seen, .. }) = self.facts.links.get(position) else { return self };
        for (one, other) in [(a, b), (b, a)] {
            let Some(known) = self.neighbours_of(one) else { continue };
            let mut neighbours = known.clone();
            if let Some(of_kind) = neighbours.get_mut(&other.kind) {
                of_kind.remove(Some(seen.first_seen));
            }
            self.neighbours.push((one, neighbours));
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

    /// The decisions between identifiers that are here.
    pub(super) fn verdicts(&self) -> Vec<Verdict<'_>> {
        let verdict = |decision: &'_ Cow<'a, Decision>| {
            let (a, b) = (self.facts.position_of(&decision.pair.a)?, self.facts.position_of(&decision.pair.b)?);
            Some((a, b))
        };
        self.decisions
            .iter()
            .filter_map(|it| verdict(it).map(|(a, b)| Verdict { a, b, decision: it.as_ref() }))
            .collect()
    }

    pub(super) fn resolve(&self) -> Resolved {
        let is_shared: Vec<bool> = self.facts.identifiers.iter().map(|it| self.is_shared(it)).collect();
        let node = |(it, is_shared): (&'a IdentifierOfFacts, &bool)| Node {
            identifier: &it.identifier,
            first_seen: it.facts.seen.first_seen,
            is_shared: *is_shared,
        };
        let nodes: Vec<Node<'_>> = self.facts.identifiers.iter().zip(&is_shared).map(node).collect();
        let (links, edges): (Vec<usize>, Vec<Edge>) = self.edges().unzip();
        let verdicts = self.verdicts();
        let partition = resolve(&nodes, &edges, &verdicts, self.policy);

        let mut components = DisjointSets::new(nodes.len());
        for (edge, reason) in edges.iter().zip(&partition.withheld) {
            if !matches!(reason, Some(Withheld::Blocked | Withheld::Shared)) {
                components.join(edge.a, edge.b);
            }
        }
        for verdict in &verdicts {
            components.join(verdict.a, verdict.b);
        }
        let component_of = (0..nodes.len()).map(|it| components.find(it)).collect();
        Resolved { partition, is_shared, links, component_of }
    }

    /// Whether everything that this situation depends on was loaded: all links of whom a component reaches through, and
    /// whom these lead to.
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
            let neighbours = self.neighbours_of(&it.identifier);
            let n_known: u64 = neighbours.into_iter().flat_map(BTreeMap::values).map(|it| u64::from(it.len())).sum();
            n_known <= n_loaded || !self.is_open(&it.identifier)
        });
        let is_end_open = self.facts.ends.iter().any(|it| self.is_open(&it.identifier));
        if all_loaded && !is_end_open { Ok(()) } else { Err(PreviewError::IncompleteFacts) }
    }

    /// The links between two identifiers that are here, by their positions.
    fn edges(&self) -> impl Iterator<Item = (usize, Edge)> {
        self.facts.links.iter().enumerate().filter(|(position, _)| self.without != Some(*position)).filter_map(
            |(position, LinkOfFacts { pair, seen, .. })| {
                let (a, b) = (self.facts.position_of(&pair.a)?, self.facts.position_of(&pair.b)?);
                Some((position, Edge { a, b, first_seen: seen.first_seen }))
            },
        )
    }

    fn is_shared(&self, it: &IdentifierOfFacts) -> bool {
        let neighbours = self.changed_neighbours(&it.identifier).unwrap_or(&it.facts.neighbours);
        is_shared(&it.identifier.kind, neighbours, self.policy)
    }

    /// Whether components reach through an identifier. Of one that is not here at all nobody knows: it may.
    fn is_open(&self, identifier: &Identifier) -> bool {
        let is_shared = self.neighbours_of(identifier).is_some_and(|it| is_shared(&identifier.kind, it, self.policy));
        !is_shared && !self.policy.blocks(&identifier.value)
    }

    fn changed_neighbours(&self, identifier: &Identifier) -> Option<&BTreeMap<Kind, Neighbours>> {
        self.neighbours.iter().find(|(it, _)| *it == identifier).map(|(_, neighbours)| neighbours)
    }

    pub(super) fn neighbours_of(&self, identifier: &Identifier) -> Option<&BTreeMap<Kind, Neighbours>> {
        if let Some(changed) = self.changed_neighbours(identifier) {
            return Some(changed);
        }
        if let Some(node) = self.facts.position_of(identifier) {
            return self.facts.identifiers.get(node).map(|it| &it.facts.neighbours);
        }
        let end = self.facts.ends.binary_search_by(|it| it.identifier.cmp(identifier)).ok()?;
        self.facts.ends.get(end).map(|it| &it.neighbours)
    }
}
