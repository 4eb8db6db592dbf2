//! What holds the identifiers of some profiles together.

use super::{
    input::{Constraint, Edge, Input, Node},
    resolve::same_that_hold,
    rows::LinkState,
};
use crate::{
    evidence::{decision::Decision, link::Pair},
    identifier::Identifier,
    time::Timestamp,
};

/// What is known of some profiles, as resolution left it. It must be all that is known of them: their identifiers, the
/// links between these and the decisions about these.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Ascending.
    pub identifiers: &'a [Identifier],
    /// In any order. One with an end that is not among the identifiers is ignored.
    pub links: &'a [(Pair, LinkState)],
    /// In any order; revoked ones may be there and do not count.
    pub decisions: &'a [Decision],
}

/// One edge of the path from an identifier to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A link, by its position in the evidence.
    Link(usize),
    /// A `SAME` decision, by its position in the evidence.
    Same(usize),
}

impl Step {
    pub(super) fn link(self) -> Option<usize> {
        match self {
            Self::Link(position) => Some(position),
            Self::Same(_) => None,
        }
    }
}

impl Evidence<'_> {
    pub(super) fn position_of(&self, identifier: &Identifier) -> Option<usize> {
        self.identifiers.binary_search(identifier).ok()
    }
}

/// Two nodes, by their positions, and what is between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct EvidenceEdge {
    pub(super) ends: Edge,
    pub(super) step: Step,
}

/// The identifiers with the edges that connect them, and those that would.
pub(super) struct EvidenceGraph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// The decisions that hold, in the order in which they are taken.
    pub(super) same: Vec<EvidenceEdge>,
    pub(super) followed: Vec<EvidenceEdge>,
    pub(super) withheld: Vec<EvidenceEdge>,
}

impl<'a> EvidenceGraph<'a> {
    pub(super) fn of(evidence: Evidence<'a>) -> Self {
        let node = |identifier| Node { identifier, first_seen: Timestamp::EARLIEST, is_shared: false };
        let nodes = evidence.identifiers.iter().map(node).collect();
        let position_of = |it: &Identifier| evidence.position_of(it);
        let links = evidence.links.iter().map(|(pair, link)| (pair.positions(position_of), link.seen.first_seen));
        let Input { nodes, edges, links, constraints, decisions } =
            Input::new(nodes, links, evidence.decisions.iter(), position_of);
        let same = same_that_hold(nodes.len(), &constraints)
            .into_iter()
            .map(|position| {
                let Constraint { a, b, decision } = constraints[position];
                EvidenceEdge { ends: Edge { a, b, first_seen: decision.at }, step: Step::Same(decisions[position]) }
            })
            .collect();
        let (mut followed, mut withheld) = (Vec::new(), Vec::new());
        for (ends, link) in edges.into_iter().zip(links) {
            let edge = EvidenceEdge { ends, step: Step::Link(link) };
            if evidence.links[link].1.withheld.is_none() { followed.push(edge) } else { withheld.push(edge) }
        }
        Self { nodes, same, followed, withheld }
    }
}
