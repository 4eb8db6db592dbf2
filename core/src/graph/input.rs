//! The input of resolution. This is the only place that builds it.

use std::collections::BTreeMap;

use crate::{
    evidence::{decision::Decision, neighbors::Neighbors},
    identifier::{Identifier, Kind},
    policy::compiled::CompiledPolicy,
    time::Timestamp,
};

/// An identifier as resolution sees it.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    pub identifier: &'a Identifier,
    pub first_seen: Timestamp,
    /// It links to too many, or to several people at once: see [`is_shared`].
    pub is_shared: bool,
}

/// A link between two nodes, by their positions.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    pub a: usize,
    pub b: usize,
    pub first_seen: Timestamp,
}

/// A decision between two nodes, by their positions.
#[derive(Debug, Clone, Copy)]
pub struct Constraint<'a> {
    pub a: usize,
    pub b: usize,
    pub decision: &'a Decision,
}

/// A graph as resolution reads it.
#[derive(Debug)]
pub struct Input<'a> {
    pub nodes: Vec<Node<'a>>,
    pub edges: Vec<Edge>,
    /// For each edge the position of its link in the sequence that was given.
    pub links: Vec<usize>,
    /// The active decisions.
    pub constraints: Vec<Constraint<'a>>,
    /// For each constraint the position of its decision in the sequence that was given.
    pub decisions: Vec<usize>,
}

impl<'a> Input<'a> {
    /// Builds the input. `links` gives the positions of each link's ends (see [`Pair::positions`](crate::evidence::link::Pair::positions)) and when it was first
    /// seen. Links and decisions are left out where an end is not among the nodes.
    pub fn new(
        nodes: Vec<Node<'a>>,
        links: impl Iterator<Item = (Option<(usize, usize)>, Timestamp)>,
        decisions: impl Iterator<Item = &'a Decision>,
        position_of: impl Fn(&Identifier) -> Option<usize>,
    ) -> Self {
        let mut input =
            Self { nodes, edges: Vec::new(), links: Vec::new(), constraints: Vec::new(), decisions: Vec::new() };
        for (position, (ends, first_seen)) in links.enumerate() {
            let Some((a, b)) = ends else { continue };
            input.edges.push(Edge { a, b, first_seen });
            input.links.push(position);
        }
        for (position, decision) in decisions.enumerate().filter(|(_, decision)| decision.is_active()) {
            let Some((a, b)) = decision.pair.positions(&position_of) else { continue };
            input.constraints.push(Constraint { a, b, decision });
            input.decisions.push(position);
        }
        input
    }
}

/// Whether components reach through an identifier: it is neither shared nor blocked.
pub fn is_open(identifier: &Identifier, neighbors: &BTreeMap<Kind, Neighbors>, policy: &CompiledPolicy) -> bool {
    !is_shared(&identifier.kind, neighbors, policy) && !policy.blocks(&identifier.value)
}

/// Whether an identifier of a kind, with such neighbors, carries no links any more: it has more of one kind than `max_links`
/// and than that kind's limit, or it is a device that met more people within thirty days than `max_users_a_month`.
pub fn is_shared(kind: &Kind, neighbors: &BTreeMap<Kind, Neighbors>, policy: &CompiledPolicy) -> bool {
    let is_device = policy.is_device(kind);
    neighbors.iter().any(|(other, of_kind)| {
        policy.max_links.max(policy.limit(other)) < of_kind.len()
            || (is_device && policy.max_users_a_month < of_kind.met_at_once() && policy.names_people(other))
    })
}
