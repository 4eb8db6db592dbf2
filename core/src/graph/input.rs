//! What resolution sees of the graph.

use std::collections::BTreeMap;

use crate::{
    evidence::{decision::Decision, neighbours::Neighbours},
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
pub struct Verdict<'a> {
    pub a: usize,
    pub b: usize,
    pub decision: &'a Decision,
}

/// Whether an identifier of a kind, with such neighbours, carries no links any more: it has more of one kind than `max_links`
/// and than that kind's limit, or it is a device that met more people within thirty days than `max_users_a_month`.
pub fn is_shared(kind: &Kind, neighbours: &BTreeMap<Kind, Neighbours>, policy: &CompiledPolicy) -> bool {
    let is_device = policy.is_device(kind);
    neighbours.iter().any(|(other, of_kind)| {
        policy.max_links.max(policy.limit(other)) < of_kind.len()
            || (is_device && policy.max_users_a_month < of_kind.met_at_once() && policy.names_people(other))
    })
}
